/* A form's field for a certificate: its ID is typed, or it is found by its name or a domain. */
import { AutoComplete, Spin, Typography } from "antd";
import { useDeferredValue, useEffect, useState } from "react";
import { identifierOf, useCertificates, useKnownCertificates } from "../../api/certificate";
import { useMay } from "../../api/session";
import { useText } from "../../i18n";
import { Expiry } from "./Expiry";

const SHOWN = 20;

interface Field {
  id?: string;
  value?: string;
  onChange?: (identifier: string) => void;
  label: string;
}

export function CertificateField({ id, value = "", onChange, label }: Field) {
  const t = useText();
  const mayList = useMay()("ListCertificates");
  const typed = useDeferredValue(value.trim());
  const identifier = identifierOf(typed);
  const [open, setOpen] = useState(false);
  const [typing, setTyping] = useState(false);
  const settled = typing && identifierOf(value.trim()) !== undefined; /* who types an ID looks for nothing */
  useEffect(() => {
    if (settled && open) setOpen(false);
  }, [settled, open]);
  const Keyword = identifier === undefined && typed !== "" ? typed : undefined; /* an ID is no keyword */
  const found = useCertificates({ Keyword, CurrentPage: 1, ShowSize: SHOWN }, mayList);
  const stale = found.isPlaceholderData || typed !== value.trim(); /* Tab and Enter take the first: not of what was found for another word */
  const options = (stale ? [] : (found.data?.CertificateList ?? [])).map((c) => ({
    value: c.CertIdentifier,
    title: `${c.CertificateName} ${c.CertIdentifier}`,
    label: (
      <>
        <div style={{ fontWeight: 600, overflow: "hidden", textOverflow: "ellipsis" }}>{c.CertificateName}</div>
        <Typography.Text type="secondary">{c.CertIdentifier}</Typography.Text> <Expiry at={c.NotAfter} />
        <div style={{ overflow: "hidden", textOverflow: "ellipsis" }}>{c.Domain}</div>
      </>
    ),
  }));
  return (
    <>
      <AutoComplete
        id={id}
        aria-label={label}
        value={value}
        options={options}
        allowClear
        defaultActiveFirstOption
        placeholder={mayList ? t.certificates.findOrType : "12-cn-hangzhou"}
        open={open && !settled}
        notFoundContent={stale ? <Spin size="small" /> : null}
        onOpenChange={setOpen}
        showSearch={{ onSearch: () => setTyping(true) }}
        onSelect={() => setTyping(false)}
        onBlur={() => setTyping(false)}
        onChange={(text: string | undefined) => onChange?.(text ?? "")}
      />
      {identifier !== undefined && <Named identifier={identifier} />}
    </>
  );
}

function Named({ identifier }: { identifier: string }) {
  const certificate = useKnownCertificates()[identifier];
  if (certificate === undefined) return null;
  return (
    <div style={{ marginBlockStart: 4 }}>
      {certificate.CertificateName} <Expiry at={certificate.NotAfter} />
    </div>
  );
}
