/* One CA certificate, and its revocation list. */
import { Descriptions, Drawer, Spin } from "antd";
import { useCa, useDeviceCount } from "../../api/ca";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { Code, Command } from "../../components/Copied";
import { Count } from "../../components/format";
import { Heading } from "../../components/Heading";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { CaState, Validity } from "./CaTable";
import { Crl } from "./Crl";

export function CaDrawer({ id, sn, close }: { id: string; sn: string; close: () => void }) {
  const t = useText();
  const may = useMay();
  const { data, error, isPending } = useCa(id, sn);
  const devices = useDeviceCount(id, sn);
  return (
    <Drawer open size={720} title={t.ca.detailsOf(data?.CaName ?? sn)} extra={<ApiLink operation="GetCaCertificate" params={{ MqttInstanceId: id, Sn: sn }} />} onClose={close}>
      <Problem error={error} />
      {isPending && error === null && <Spin />}
      {data !== undefined && (
        <>
          <Descriptions
            column={1}
            size="small"
            items={[
              { key: "name", label: t.ca.name, children: data.CaName },
              { key: "sn", label: t.ca.sn, children: <Code>{data.Sn}</Code> },
              { key: "state", label: t.ca.state, children: <CaState of={data} /> },
              { key: "valid", label: t.ca.validity, children: <Validity of={data} /> },
              { key: "devices", label: t.ca.devices, children: <Count of={devices.data} /> },
              { key: "code", label: t.ca.usedCode, children: <Code>{data.RegistrationCode}</Code> },
            ]}
          />
          {may("GetCaCrl", id) && <Crl id={id} ca={data} />}
          <Heading text={t.ca.pem} />
          <Command text={data.CaContent} label={t.ca.pem} />
          <Heading text={t.ca.verificationPem} />
          <Command text={data.VerificationContent} label={t.ca.verificationPem} />
        </>
      )}
    </Drawer>
  );
}
