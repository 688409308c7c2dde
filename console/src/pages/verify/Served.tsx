/* The handshake's outcome in full: version, cipher, each certificate of the chain, and the command that shows the same. */
import { Card, Collapse, Descriptions, Flex, Typography } from "antd";
import type { ServedCertificate, Verification } from "../../api/verify";
import { Code, Command } from "../../components/Copied";
import { Time } from "../../components/format";
import { Title } from "../../components/Heading";
import { Letters } from "../../components/idn";
import { useText } from "../../i18n";
import { Expiry } from "../certificates/Expiry";

export function Served({ of }: { of: Verification }) {
  const t = useText();
  return (
    <>
      <Descriptions
        column={1}
        size="small"
        bordered
        style={{ marginBlockEnd: 24 }}
        items={[
          { key: "name", label: t.verify.serverName, children: <>{of.ServerName}<Letters of={of.ServerName} /></> },
          { key: "protocol", label: t.verify.protocol, children: of.Protocol },
          { key: "cipher", label: t.verify.cipher, children: of.Cipher === "" ? t.verify.refused : of.Cipher },
          { key: "asked", label: t.verify.clientAsked, children: of.ClientCertificateAsked ? t.common.yes : t.common.no },
          { key: "configured", label: t.verify.configured, children: of.ConfiguredCertificate === "" ? t.verify.by.none : `${of.ConfiguredCertificate} (${t.verify.by[of.ConfiguredBy]})` },
          { key: "revision", label: t.verify.revision, children: of.ServedRevision === of.Revision ? of.Revision : t.verify.behind(of.ServedRevision, of.Revision) },
        ]}
      />
      <Title text={t.verify.chain(of.Chain.length)} below={8} />
      <Flex vertical gap={12} style={{ marginBlockEnd: 24 }}>
        {of.Chain.map((c, n) => (
          <InChain key={c.Sha256} of={c} title={n === 0 ? t.verify.leaf : t.verify.link(n + 1)} />
        ))}
      </Flex>
      <Title text={t.verify.command} below={8} />
      <Typography.Paragraph type="secondary">{t.verify.commandNote}</Typography.Paragraph>
      <Command text={of.Command} label={t.verify.command} />
    </>
  );
}

function InChain({ of, title }: { of: ServedCertificate; title: string }) {
  const t = useText();
  return (
    <Card size="small" title={<Typography.Title level={3} style={{ fontSize: 14, margin: 0 }}>{title}</Typography.Title>}>
      <Descriptions
        column={1}
        size="small"
        styles={{ content: { overflowWrap: "anywhere" } }}
        items={[
          { key: "subject", label: t.verify.subject, children: of.Subject },
          { key: "issuer", label: t.verify.issuer, children: of.Issuer },
          { key: "from", label: t.verify.notBefore, children: <Time at={of.NotBefore} /> },
          { key: "to", label: t.verify.notAfter, children: <Expiry at={of.NotAfter} /> },
          { key: "serial", label: t.verify.serial, children: of.SerialNumber },
          { key: "sha256", label: "SHA-256", children: <Code>{of.Sha256}</Code> },
        ]}
      />
      <Collapse ghost size="small" items={[{ key: "pem", label: "PEM", children: <Command text={of.Pem} label={`${title} PEM`} /> }]} />
    </Card>
  );
}
