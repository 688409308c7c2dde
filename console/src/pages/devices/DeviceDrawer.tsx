/* One device: its certificate, and when it was here. */
import { Descriptions, Drawer, Spin } from "antd";
import { useKnownCas } from "../../api/ca";
import { useDevice, useDeviceActivity, type Device } from "../../api/device";
import { ApiLink } from "../../components/ApiLink";
import { Code, Command } from "../../components/Copied";
import { Ago, Time } from "../../components/format";
import { Heading } from "../../components/Heading";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { Expiry } from "../certificates/Expiry";
import { DeviceState, Online } from "./DeviceTable";
import { deviceName } from "./chosen";

export function DeviceDrawer({ id, device, close }: { id: string; device: Device; close: () => void }) {
  const t = useText();
  const { CaSn, DeviceSn } = device;
  const { data, error, isPending } = useDevice(id, CaSn, DeviceSn);
  const ca = useKnownCas(id).find(({ Sn }) => Sn === CaSn);
  const activity = useDeviceActivity(id, CaSn, DeviceSn);
  return (
    <Drawer open size={640} title={t.devices.detailsOf(deviceName(device))} extra={<ApiLink operation="GetDeviceCertificate" params={{ MqttInstanceId: id, CaSn, DeviceSn }} />} onClose={close}>
      <Problem error={error ?? activity.error} />
      {isPending && error === null && <Spin />}
      {data !== undefined && (
        <>
          <Descriptions
            column={1}
            size="small"
            items={[
              { key: "name", label: t.devices.name, children: data.DeviceName },
              { key: "sn", label: t.devices.sn, children: <Code>{data.DeviceSn}</Code> },
              ...(ca === undefined ? [] : [{ key: "caName", label: t.devices.ca, children: ca.CaName }]),
              { key: "ca", label: t.devices.caSn, children: <Code>{data.CaSn}</Code> },
              { key: "state", label: t.devices.status, children: <DeviceState of={data} /> },
              { key: "online", label: t.devices.connection, children: <Online of={device} /> },
              { key: "begin", label: t.devices.validity, children: <span><Time at={data.ValidBegin} date /> – <Expiry at={Number(data.ValidEnd)} /></span> },
              ...(activity.data === undefined
                ? []
                : [
                    { key: "registered", label: t.devices.registered, children: <Time at={activity.data.RegisteredTime} /> },
                    { key: "seen", label: t.devices.lastSeen, children: <span><Time at={activity.data.LastSeenTime} /> {activity.data.LastSeenTime > 0 && <>(<Ago at={activity.data.LastSeenTime} />)</>}</span> },
                  ]),
            ]}
          />
          <Heading text={t.devices.pem} />
          <Command text={data.DeviceContent} label={t.devices.pem} />
        </>
      )}
    </Drawer>
  );
}
