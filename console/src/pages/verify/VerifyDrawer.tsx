/* What the broker really serves for a name: asked for with a TLS handshake. */
import { Alert, Button, Drawer, Form, Input, Skeleton, Space, Typography } from "antd";
import { useEffect, useRef, useState } from "react";
import { verifyDomain, type Verification } from "../../api/verify";
import { ApiLink } from "../../components/ApiLink";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";
import { Served } from "./Served";

export function VerifyDrawer({ instance, domain, close }: { instance: string; domain: string; close: () => void }) {
  const t = useText();
  const [found, setFound] = useState<Verification>();
  const { form, submit, error, busy } = useSubmit<{ domain: string }>(
    async (v) => {
      setFound(undefined);
      setFound(await verifyDomain(instance, v.domain.trim()));
    },
    { Domain: "domain" },
  );
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || domain === "") return;
    begun.current = true;
    void submit({ domain });
  }, [domain, submit]);
  const asked = Form.useWatch("domain", form) ?? domain;
  return (
    <Drawer open size={720} title={t.verify.title} onClose={close} extra={<ApiLink operation="VerifyDomain" params={{ MqttInstanceId: instance, Domain: asked === "" ? undefined : asked }} />}>
      <Typography.Paragraph type="secondary">{t.verify.note}</Typography.Paragraph>
      <Form form={form} layout="vertical" onFinish={submit} initialValues={{ domain }} requiredMark={false}>
        <Space.Compact block style={{ alignItems: "flex-end" }}>
          <Form.Item name="domain" label={t.verify.domain} style={{ flex: 1 }} rules={[{ required: true, whitespace: true, message: t.verify.domainNeeded }]}>
            <Input autoFocus={domain === ""} placeholder="mqtt.example.com" spellCheck={false} autoComplete="off" />
          </Form.Item>
          <Form.Item label=" " colon={false}>
            <Button type="primary" htmlType="submit" loading={busy}>
              {t.verify.verify}
            </Button>
          </Form.Item>
        </Space.Compact>
      </Form>
      <Problem error={error} />
      <div aria-live="polite">
        {busy && <Skeleton active paragraph={{ rows: 6 }} />}
        {found !== undefined && <Outcome of={found} />}
      </div>
    </Drawer>
  );
}

function Outcome({ of }: { of: Verification }) {
  const t = useText();
  return (
    <>
      <Alert
        type={of.Matches ? "success" : "error"}
        showIcon
        style={{ marginBlockEnd: 16 }}
        title={<span style={{ fontSize: 16, fontWeight: 600 }}>{of.Matches ? t.verify.same : t.verify.other}</span>}
        description={of.Matches ? t.verify.servedIs(of.ServerName, of.ConfiguredCertificate, t.verify.by[of.ConfiguredBy]) : t.verify.reason(of.ServerName, of.Reason)}
      />
      {of.Chain.length > 0 && !of.NameMatches && <Alert type="warning" showIcon style={{ marginBlockEnd: 16 }} title={t.verify.nameDiffers(of.ServerName)} />}
      <Served of={of} />
    </>
  );
}
