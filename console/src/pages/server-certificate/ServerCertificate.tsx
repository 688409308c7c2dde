/* One-way or mutual, and the default certificate; with what a switch does to live connections. */
import { Alert, Button, Flex, Radio, Spin, Switch, Typography } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import { useKnownCas } from "../../api/ca";
import { useInstance, type Instance } from "../../api/instance";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { State } from "../../components/format";
import { Section } from "../../components/Heading";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { CertificateChoice } from "./CertificateChoice";
import { SwitchMode } from "./SwitchMode";

export type Wanted = Pick<Instance, "AuthenticationMode" | "LoginRequired" | "DefaultCertificate">;

export default function ServerCertificate() {
  const t = useText();
  const id = useInstanceId();
  const { data, error, isPending, refetch } = useInstance(id);
  return (
    <>
      <PageHead title={t.serverCertificate.title} note={t.serverCertificate.note} api={<ApiLink operation="SetAuthenticationMode" params={{ MqttInstanceId: id, Mode: data?.AuthenticationMode }} />} />
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <Spin />}
      {data !== undefined && <Choice key={data.Revision} of={data} />}
    </>
  );
}

function Choice({ of }: { of: Instance }) {
  const t = useText();
  const mayChange = useMay()("SetAuthenticationMode", of.MqttInstanceId);
  const [wanted, setWanted] = useState<Wanted>(of);
  const [asking, setAsking] = useState(false);
  const want = (w: Partial<Wanted>) => setWanted({ ...wanted, ...w });
  const mutual = wanted.AuthenticationMode === "mutual";
  const same = wanted.AuthenticationMode === of.AuthenticationMode && wanted.LoginRequired === of.LoginRequired && wanted.DefaultCertificate === of.DefaultCertificate;
  const cas = useKnownCas(of.MqttInstanceId);
  const noCa = cas.length >= of.CaCertificateCount && cas.every((ca) => ca.Status === "0"); /* the count has the inactive ones, too */
  const lacking = mutual && wanted.DefaultCertificate === "";
  return (
    <Flex vertical gap={16} style={{ maxWidth: 880 }}>
      <Section title={t.serverCertificate.mode}>
        <Radio.Group
          aria-label={t.serverCertificate.mode}
          value={wanted.AuthenticationMode}
          disabled={!mayChange}
          onChange={(e) => want({ AuthenticationMode: e.target.value })}
          style={{ display: "flex", flexDirection: "column", gap: 12 }}
        >
          <Mode value="one-way" title={t.serverCertificate.oneWay} text={t.serverCertificate.oneWayText} serving={of.AuthenticationMode === "one-way"} />
          <Mode value="mutual" title={t.serverCertificate.mutual} text={t.serverCertificate.mutualText} serving={of.AuthenticationMode === "mutual"} />
        </Radio.Group>
        {mutual && (
          <Flex gap={12} align="flex-start" style={{ marginBlockStart: 12, paddingInlineStart: 24 }}>
            <Switch id="login-required" checked={wanted.LoginRequired} disabled={!mayChange} onChange={(LoginRequired) => want({ LoginRequired })} />
            <label htmlFor="login-required">
              {t.serverCertificate.login}
              <br />
              <Typography.Text type="secondary">{t.serverCertificate.loginText}</Typography.Text>
            </label>
          </Flex>
        )}
        {mutual && noCa && (
          <Alert
            type="warning"
            showIcon
            style={{ marginBlockStart: 12 }}
            title={t.serverCertificate.noCa}
            action={<Link to={`/instances/${of.MqttInstanceId}/ca`}>{t.serverCertificate.registerCa}</Link>}
          />
        )}
      </Section>
      <Section title={t.serverCertificate.certificate}>
        <Typography.Paragraph type="secondary">{t.serverCertificate.certificateNote}</Typography.Paragraph>
        <CertificateChoice value={wanted.DefaultCertificate} disabled={!mayChange} change={(DefaultCertificate) => want({ DefaultCertificate })} />
        {lacking && <Alert type="error" showIcon style={{ marginBlockStart: 12 }} title={t.serverCertificate.needsCertificate} />}
      </Section>
      {mayChange && (
        <Flex gap={12} align="center">
          <Button type="primary" disabled={same || lacking} onClick={() => setAsking(true)}>
            {t.serverCertificate.apply}
          </Button>
          {same && <Typography.Text type="secondary">{t.serverCertificate.nothing}</Typography.Text>}
        </Flex>
      )}
      {asking && <SwitchMode of={of} wanted={wanted} close={() => setAsking(false)} />}
    </Flex>
  );
}

function Mode({ value, title, text, serving }: { value: string; title: string; text: string; serving: boolean }) {
  const t = useText();
  return (
    <Radio value={value} style={{ alignItems: "flex-start", whiteSpace: "normal" }}>
      <b>{title}</b> {serving && <State mood="good">{t.serverCertificate.serving}</State>}
      <br />
      <Typography.Text type="secondary">{text}</Typography.Text>
    </Radio>
  );
}
