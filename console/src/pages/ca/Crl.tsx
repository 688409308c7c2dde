/* The revocation list of a CA: shown, uploaded, removed. */
import { Button, Collapse, Descriptions, Flex, Form, Spin, Typography } from "antd";
import { useState } from "react";
import { useCrl, type Ca, type Crl as List } from "../../api/ca";
import { callWithRollout } from "../../api/call";
import { now } from "../../api/clock";
import { useChanged } from "../../api/instance";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { useAsk } from "../../components/ask";
import { Code, Command } from "../../components/Copied";
import { Count, State, Time } from "../../components/format";
import { Heading } from "../../components/Heading";
import { PemInput } from "../../components/PemInput";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useTold } from "../../components/told";
import { useText } from "../../i18n";

export function Crl({ id, ca }: { id: string; ca: Ca }) {
  const t = useText();
  const may = useMay();
  const remove = useRemove(id, ca);
  const [uploading, setUploading] = useState(false);
  const { data, error, isPending, refetch } = useCrl(id, ca.Sn);
  return (
    <section aria-label={t.ca.crl}>
      <Heading text={t.ca.crl} extra={<ApiLink operation="GetCaCrl" params={{ MqttInstanceId: id, CaSn: ca.Sn }} />} />
      <Typography.Paragraph type="secondary">{t.ca.crlText}</Typography.Paragraph>
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <Spin />}
      {data === null && <Typography.Paragraph>{t.ca.crlNone}</Typography.Paragraph>}
      {data !== null && data !== undefined && <Shown of={data} />}
      {data !== undefined && !uploading && (
        <Flex wrap gap={8}>
          {may("UploadCaCrl", id) && <Button onClick={() => setUploading(true)}>{data === null ? t.ca.crlUpload : t.ca.crlReplace}</Button>}
          {data !== null && may("DeleteCaCrl", id) && (
            <Button danger onClick={() => remove(data.Entries)}>
              {t.ca.crlRemove}
            </Button>
          )}
        </Flex>
      )}
      {uploading && <UploadCrl id={id} sn={ca.Sn} close={() => setUploading(false)} />}
    </section>
  );
}

function Shown({ of }: { of: List }) {
  const t = useText();
  const next = of.NextUpdate === 0 ? t.ca.crlNoNext : <><Time at={of.NextUpdate} /> {of.NextUpdate < now() && <State mood="warning">{t.ca.crlPast}</State>}</>;
  return (
    <>
      <Descriptions
        column={1}
        size="small"
        items={[
          { key: "entries", label: t.ca.crlEntries, children: <Count of={of.Entries} /> },
          { key: "number", label: t.ca.crlNumber, children: of.CrlNumber === "" ? t.ca.crlNoNumber : <Code>{of.CrlNumber}</Code> },
          { key: "issued", label: t.ca.crlIssued, children: <Time at={of.ThisUpdate} /> },
          { key: "next", label: t.ca.crlNext, children: <span>{next}</span> },
        ]}
      />
      <Collapse ghost size="small" style={{ marginBlockEnd: 12 }} items={[{ key: "pem", label: t.ca.crlPem, children: <Command text={of.CrlContent} label={t.ca.crlPem} /> }]} />
    </>
  );
}

function UploadCrl({ id, sn, close }: { id: string; sn: string; close: () => void }) {
  const t = useText();
  const told = useTold();
  const changed = useChanged();
  const { form, submit, error, busy } = useSubmit<{ list: string }>(
    async ({ list }) => {
      const { rollout } = await callWithRollout("UploadCaCrl", { MqttInstanceId: id, CaSn: sn, CrlContent: list });
      await changed(id);
      told(rollout);
      close();
    },
    { CrlContent: "list" },
  );
  return (
    <Form form={form} layout="vertical" disabled={busy} onFinish={submit}>
      <Problem error={error} />
      <Form.Item name="list" label={t.ca.crlPem} rules={[{ required: true, whitespace: true, message: t.ca.crlNeeded }]}>
        <PemInput label={t.ca.crlPem} accept=".pem,.crl" placeholder="-----BEGIN X509 CRL-----" />
      </Form.Item>
      <Flex gap={8}>
        <Button type="primary" htmlType="submit" loading={busy}>
          {t.ca.crlUpload}
        </Button>
        <Button onClick={close}>{t.common.cancel}</Button>
      </Flex>
    </Form>
  );
}

function useRemove(id: string, ca: Ca) {
  const t = useText();
  const told = useTold();
  const ask = useAsk();
  const remove = async () => told((await callWithRollout("DeleteCaCrl", { MqttInstanceId: id, CaSn: ca.Sn })).rollout);
  return (entries: number) => ask(t.ca.crlRemoveTitle(ca.CaName), t.ca.crlRemoveText(entries), t.ca.crlRemove, remove, id);
}
