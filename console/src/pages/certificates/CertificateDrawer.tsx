/* One certificate in full. Its private key is not: it never leaves the server. */
import { Collapse, Descriptions, Drawer, Flex, Skeleton, Typography } from "antd";
import { useCertificateContent, useCertificateDetail, type CertificateDetail } from "../../api/certificate";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { Code, Command } from "../../components/Copied";
import { State, Time } from "../../components/format";
import { Title } from "../../components/Heading";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { Expiry } from "./Expiry";

export function CertificateDrawer({ id, close }: { id: string; close: () => void }) {
  const t = useText();
  const { data, error, isPending, refetch } = useCertificateDetail(id);
  const mayRead = useMay()("GetUserCertificateDetail");
  const content = useCertificateContent(id, mayRead);
  return (
    <Drawer open size={720} title={data?.CertificateName ?? t.certificates.certificate} onClose={close} extra={<ApiLink operation="GetCertificateDetail" params={{ CertificateId: id }} />}>
      <Problem error={error ?? content.error} retry={() => void refetch()} />
      {isPending && <Skeleton active paragraph={{ rows: 8 }} />}
      {data !== undefined && <Facts of={data} sha256={content.data?.Sha2} />}
      {data !== undefined && <Chain of={data} />}
      {content.data !== undefined && <Collapse size="small" items={[{ key: "pem", label: t.certificates.pem, children: <Command text={content.data.Cert} label={t.certificates.pem} /> }]} />}
    </Drawer>
  );
}

function Facts({ of, sha256 }: { of: CertificateDetail; sha256: string | undefined }) {
  const t = useText();
  return (
    <Descriptions
      column={1}
      size="small"
      bordered
      styles={{ content: { overflowWrap: "anywhere" } }}
      style={{ marginBlockEnd: 24 }}
      items={[
        { key: "id", label: "CertIdentifier", children: <Code>{of.CertIdentifier}</Code> },
        { key: "domains", label: t.certificates.domains, children: of.SubjectAlternativeNames.length > 0 ? of.SubjectAlternativeNames.join(", ") : of.CommonName },
        { key: "cn", label: t.certificates.commonName, children: of.CommonName },
        { key: "issuer", label: t.certificates.issuer, children: of.Issuer },
        { key: "from", label: t.certificates.validFrom, children: <Time at={of.NotBefore} /> },
        { key: "to", label: t.certificates.validUntil, children: <Expiry at={of.NotAfter} /> },
        { key: "key", label: t.certificates.key, children: `${of.Algorithm} ${of.KeySize}` },
        { key: "private", label: t.certificates.privateKey, children: t.certificates.privateKeyNote },
        { key: "use", label: t.certificates.use, children: of.UsingProductList.length > 0 ? <State mood="good">{t.certificates.used}</State> : <State mood="neutral">{t.certificates.unused}</State> },
        { key: "serial", label: t.certificates.serial, children: <Code>{of.Serial}</Code> },
        { key: "sha1", label: "SHA-1", children: <Code>{of.FingerPrint.toLowerCase()}</Code> },
        ...(sha256 === undefined ? [] : [{ key: "sha256", label: "SHA-256", children: <Code>{sha256.toLowerCase()}</Code> }]),
      ]}
    />
  );
}

function Chain({ of }: { of: CertificateDetail }) {
  const t = useText();
  return (
    <>
      <Title text={t.certificates.chain} below={8} />
      <Flex vertical gap={8} component="ol" style={{ paddingInlineStart: 20, marginBlock: "0 24px" }}>
        {of.CertificateChainList.map((c, n) => (
          <li key={n}>
            {c.Subject}
            <br />
            <Typography.Text type="secondary">{t.certificates.issuedBy(c.Issuer)} · </Typography.Text>
            <Expiry at={c.NotAfter} />
          </li>
        ))}
      </Flex>
    </>
  );
}
