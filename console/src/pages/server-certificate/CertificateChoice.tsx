/* One of the account's server certificates, found by its name, its common name or its number. */
import { Select, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { call, type Answer } from "../../api/call";
import { REGION } from "../../api/certificate";
import { useMay } from "../../api/session";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";

interface Certificates extends Answer {
  CertificateOrderList: { CertificateId: number; Name: string; CommonName: string }[];
}

const SHOWN = 50;

export function CertificateChoice({ value, disabled, change }: { value: string; disabled: boolean; change: (identifier: string) => void }) {
  const t = useText();
  const mayList = useMay()("ListUserCertificateOrder");
  const [typed, setTyped] = useState("");
  const keyword = useDeferredValue(typed);
  const found = useQuery({
    queryKey: ["ListUserCertificateOrder", "choice", keyword],
    enabled: mayList,
    queryFn: ({ signal }) =>
      call<Certificates>("ListUserCertificateOrder", { OrderType: "UPLOAD", ShowSize: SHOWN, CurrentPage: 1, Keyword: keyword === "" ? undefined : keyword }, signal),
  });
  if (disabled || !mayList) return <Typography.Text code={value !== ""}>{value === "" ? t.serverCertificate.noCertificate : value}</Typography.Text>;
  const options = (found.data?.CertificateOrderList ?? []).map((c) => ({
    value: `${c.CertificateId}-${REGION}`,
    label: `${c.CertificateId}-${REGION} · ${c.Name} · ${c.CommonName}`,
  }));
  return (
    <>
      <Problem error={found.error} retry={() => void found.refetch()} />
      <Select
        aria-label={t.serverCertificate.choose}
        style={{ width: "100%" }}
        placeholder={t.serverCertificate.choose}
        value={value === "" ? undefined : value}
        loading={found.isFetching}
        options={options}
        showSearch={{ filterOption: false, onSearch: setTyped }}
        onChange={change}
      />
    </>
  );
}
