/* What clients are shown that send no name, or one that no row is for. */
import { Button, Card, Flex, Form, Modal, Typography } from "antd";
import { useState } from "react";
import { identifierOf, useKnownCertificates } from "../../api/certificate";
import { State } from "../../components/format";
import { useText } from "../../i18n";
import { CertificateField } from "../certificates/CertificateField";
import { Expiry } from "../certificates/Expiry";
import { ChangeTag, Remarks } from "./Remarks";
import type { Work } from "./work";

export function DefaultCertificate({ work, mayChange }: { work: Work; mayChange: boolean }) {
  const t = useText();
  const known = useKnownCertificates();
  const [editing, setEditing] = useState(false);
  const { base, draft, setDraft, defaultCertificate: now, defaultChanged } = work;
  const certificate = known[now];
  return (
    <Card size="small" style={{ marginBlockEnd: 16 }}>
      <Flex wrap justify="space-between" align="center" gap={12}>
        <div style={{ minWidth: 0 }}>
          <Typography.Title level={2} style={{ fontSize: 14, margin: 0 }}>
            {t.domains.defaultCertificate}
          </Typography.Title>
          <Flex wrap gap={8} align="center">
            {now === "" ? <State mood="warning">{t.domains.noDefault}</State> : <Typography.Text code>{now}</Typography.Text>}
            {certificate !== undefined && <Typography.Text>{certificate.CertificateName}</Typography.Text>}
            {certificate !== undefined && <Expiry at={certificate.NotAfter} />}
            {defaultChanged && <ChangeTag of={base.DefaultCertificate === "" ? "added" : "changed"} />}
          </Flex>
          <Typography.Text type="secondary">{t.domains.defaultNote}</Typography.Text>
          <Remarks of={work.checked?.ofDefault} />
        </div>
        {mayChange && (
          <Flex gap={4}>
            <Button onClick={() => setEditing(true)}>{t.domains.changeDefault}</Button>
            {defaultChanged && <Button onClick={() => setDraft({ ...draft, defaultCertificate: undefined })}>{t.domains.undoDefault}</Button>}
          </Flex>
        )}
      </Flex>
      {editing && (
        <ChooseDefault
          now={now}
          close={() => setEditing(false)}
          choose={(certificate) => setDraft({ ...draft, defaultCertificate: certificate === base.DefaultCertificate ? undefined : certificate })}
        />
      )}
    </Card>
  );
}

function ChooseDefault({ now, close, choose }: { now: string; close: () => void; choose: (identifier: string) => void }) {
  const t = useText();
  const [form] = Form.useForm<{ certificate: string }>();
  function take({ certificate }: { certificate: string }) {
    choose(identifierOf(certificate.trim()) ?? certificate.trim());
    close();
  }
  return (
    <Modal open title={t.domains.defaultCertificate} onCancel={close} onOk={form.submit} okText={t.domains.toDraft}>
      <Typography.Paragraph type="secondary">{t.domains.defaultEncrypted}</Typography.Paragraph>
      <Form form={form} layout="vertical" onFinish={take} initialValues={{ certificate: now }} requiredMark={false}>
        <Form.Item name="certificate" label={t.domains.certificate} rules={[{ required: true, message: t.domains.certificateNeeded }]}>
          <CertificateField label={t.domains.certificate} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
