/* A new row, or another certificate for rows that are there. The API looks at it before it is taken into the draft. */
import { Form, Input, Modal, Typography } from "antd";
import { useEffect } from "react";
import { identifierOf } from "../../api/certificate";
import { previewSniConfig, type Report } from "../../api/sni";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";
import { CertificateField } from "../certificates/CertificateField";
import { entryText, withChanges, withPasswords, type Row } from "./draft";
import { PasswordField } from "./PasswordField";
import type { Work } from "./work";

interface Wanted {
  domain: string;
  certificate: string;
  password?: string;
}

const SHOWN = 5;

/* Which field a problem of the report is about: all of a certificate begin with that word. */
function fieldOf(problem: string): keyof Wanted {
  if (!/certificate /.test(problem)) return "domain";
  return /password|encrypted/.test(problem) ? "password" : "certificate";
}

/* The first entry's that has one. */
function problemOf(report: Report): string | undefined {
  return report.Report.filter((r) => r.Entry > 0).flatMap((r) => r.Problems)[0];
}

export function RowForm({ work, of, close }: { work: Work; of: Row[]; close: () => void }) {
  const t = useText();
  const { draft } = work;
  const adding = of.length === 0;
  const { form, submit, error, busy } = useSubmit<Wanted>(
    async (v) => {
      const written = v.certificate.trim();
      const certificate = identifierOf(written) ?? written;
      const password = v.password ?? "";
      const domains = adding ? [v.domain.trim()] : of.map((r) => r.Domain);
      const report = await previewSniConfig({
        MqttInstanceId: work.instance,
        DefaultCertificate: work.defaultCertificate === "" ? certificate : work.defaultCertificate,
        SniConfig: domains.map((d) => entryText(d, certificate, password)).join(";"),
      });
      const taken = adding ? [report.Report.find((r) => r.Entry === 1)?.Domain ?? v.domain] : domains; /* as the API writes it */
      const problem = problemOf(report);
      if (problem !== undefined) return refuse(fieldOf(problem), `${problem} (${report.RequestId})`);
      if (adding && work.rows.some((r) => r.Domain === taken[0] && r.change !== "removed")) return refuse("domain", t.domains.twice);
      work.setDraft(withPasswords(withChanges(draft, taken.map((d) => [d, certificate] as const)), [[certificate, password]]));
      close();
    },
    { SniConfig: "domain", DefaultCertificate: "certificate" },
  );

  function refuse(field: keyof Wanted, text: string) {
    const name = field === "domain" && !adding ? "certificate" : field;
    form.setFields([{ name, errors: [text] }]);
    form.scrollToField(name, { focus: true });
  }
  const known = draft.passwords.get(Form.useWatch("certificate", form) ?? "");
  useEffect(() => {
    if (known !== undefined) form.setFieldValue("password", known);
  }, [form, known]);
  const first = of[0];
  return (
    <Modal
      open
      title={adding ? t.domains.add : of.length === 1 ? t.domains.editOf(first?.Domain ?? "") : t.domains.editMany(of.length)}
      onCancel={close}
      onOk={form.submit}
      okText={t.domains.toDraft}
      confirmLoading={busy}
    >
      <Problem error={error} />
      {of.length > 1 && <Typography.Paragraph type="secondary">{some(of)}</Typography.Paragraph>}
      <Form form={form} layout="vertical" onFinish={submit} initialValues={startOf(of, work)} requiredMark={false}>
        {adding && (
          <Form.Item name="domain" label={t.domains.domain} extra={t.domains.domainNote} rules={[{ required: true, whitespace: true, message: t.domains.domainNeeded }]}>
            <Input autoFocus placeholder="mqtt.example.com" spellCheck={false} autoComplete="off" />
          </Form.Item>
        )}
        <Form.Item name="certificate" label={t.domains.certificate} rules={[{ required: true, whitespace: true, message: t.domains.certificateNeeded }]}>
          <CertificateField label={t.domains.certificate} />
        </Form.Item>
        <Form.Item name="password" label={t.domains.password} extra={t.domains.passwordNote} rules={[{ pattern: /^[^;]*$/, message: t.domains.noSemicolon }]}>
          <PasswordField />
        </Form.Item>
      </Form>
    </Modal>
  );
}

function some(of: Row[]): string {
  const names = of.slice(0, SHOWN).map((r) => r.Domain);
  return of.length > SHOWN ? `${names.join(", ")}, …` : names.join(", ");
}

function startOf(of: Row[], { draft }: Work): Wanted {
  const certificate = of.length > 0 && of.every((r) => r.CertIdentifier === of[0]!.CertIdentifier) ? of[0]!.CertIdentifier : "";
  return { domain: "", certificate, password: draft.passwords.get(certificate) ?? "" };
}
