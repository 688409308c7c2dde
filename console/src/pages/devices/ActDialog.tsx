/* Activates, inactivates or deletes devices, after it is said how many and what happens to them. */
import { Alert, Modal, Progress, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { callWithRollout } from "../../api/call";
import type { Device, DeviceSearch } from "../../api/device";
import { useChanged } from "../../api/instance";
import { useAttempt } from "../../components/attempt";
import { ManyDialog } from "../../components/ManyDialog";
import { Problem } from "../../components/Problem";
import { useTold } from "../../components/told";
import { useText } from "../../i18n";
import { useActionText } from "./ChosenBar";
import { deviceName } from "./chosen";
import { gather, GATHER_MAX } from "./gather";

export type Action = "activate" | "inactivate" | "delete";
export const ACTIONS: Action[] = ["activate", "inactivate", "delete"];
export const OPERATIONS: Record<Action, string> = {
  activate: "ActiveDeviceCertificate",
  inactivate: "InactivateDeviceCertificate",
  delete: "DeleteDeviceCertificate",
};

export interface Act {
  action: Action;
  of: Device[] | DeviceSearch;
  single?: boolean; /* of a row */
}

/* The state of those for whom there is something to do. */
const FROM: Record<Action, "0" | "1" | undefined> = { activate: "0", inactivate: "1", delete: undefined };

/* `left`: what could not be done; undefined when nothing was tried. */
type Close = (left?: Device[]) => void;

export function ActDialog({ id, act, close }: { id: string; act: Act; close: Close }) {
  const { action, of } = act;
  if (!Array.isArray(of)) return <Gathering id={id} action={action} search={of} close={close} />;
  const from = FROM[action];
  const devices = from === undefined ? of : of.filter((d) => d.Status === from);
  return <Confirm id={id} action={action} devices={devices} already={of.length - devices.length} close={close} />;
}

function Gathering({ id, action, search, close }: { id: string; action: Action; search: DeviceSearch; close: Close }) {
  const t = useText();
  const text = useActionText();
  const [count, setCount] = useState(0);
  const from = FROM[action];
  const nothing = from !== undefined && search.Status !== undefined && search.Status !== from;
  const found = useQuery({
    queryKey: ["gather", id, action, search],
    enabled: !nothing,
    gcTime: 0,
    staleTime: Infinity,
    queryFn: ({ signal }) => gather(id, { ...search, Status: from ?? search.Status }, setCount, signal),
  });
  if (nothing) return <Confirm id={id} action={action} devices={[]} close={close} />;
  if (found.data !== undefined) return <Confirm id={id} action={action} devices={found.data.devices} more={found.data.more} close={close} />;
  return (
    <Modal open title={text(action)} okText={text(action)} okButtonProps={{ disabled: true }} onCancel={() => close()}>
      <Problem error={found.error} retry={() => void found.refetch()} />
      {found.error === null && (
        <>
          <Progress percent={Math.floor((100 * count) / GATHER_MAX)} showInfo={false} status="active" aria-label={t.devices.gathering(count)} />
          <Typography.Text aria-live="polite">{t.devices.gathering(count)}</Typography.Text>
        </>
      )}
    </Modal>
  );
}

interface ConfirmOf {
  id: string;
  action: Action;
  devices: Device[];
  already?: number; /* are not among them, because they are as wanted */
  more?: boolean; /* than GATHER_MAX match */
  close: Close;
}

function Confirm({ id, action, devices, already = 0, more = false, close }: ConfirmOf) {
  const t = useText();
  const text = useActionText();
  const told = useTold();
  const changed = useChanged();
  const { attempt, error, busy } = useAttempt();
  const [going, setGoing] = useState(false);
  const last = useRef<string | null>(null); /* what the brokers did with the last of many */
  const [one] = devices;
  const params = ({ CaSn, DeviceSn }: Device) => ({ MqttInstanceId: id, CaSn, DeviceSn });
  const title = devices.length === 1 && one !== undefined ? t.devices.titleOf[action](deviceName(one)) : t.devices.titles[action](devices.length);

  const doOne = (device: Device) =>
    attempt(async () => {
      const { rollout } = await callWithRollout(OPERATIONS[action], params(device));
      await changed(id);
      told(rollout);
      close([]);
    });
  if (going)
    return (
      <ManyDialog
        title={title}
        items={devices}
        one={async (device) => {
          last.current = (await callWithRollout(OPERATIONS[action], params(device))).rollout;
        }}
        name={deviceName}
        close={(progress) => {
          void changed(id);
          if (progress.done > progress.failed.length) told(last.current); /* who serves the last serves them all */
          close(progress.failed.map((f) => f.item));
        }}
      />
    );
  return (
    <Modal
      open
      title={title}
      okText={text(action)}
      okButtonProps={{ danger: action !== "activate", disabled: one === undefined }}
      confirmLoading={busy}
      onCancel={() => close()}
      onOk={() => (devices.length === 1 && one !== undefined ? void doOne(one) : setGoing(true))}
    >
      <Problem error={error} />
      {more && <Alert type="warning" showIcon style={{ marginBlockEnd: 12 }} title={t.devices.only(GATHER_MAX)} />}
      {one === undefined ? <Typography.Paragraph>{t.devices.nothing}</Typography.Paragraph> : <Happens action={action} devices={devices} />}
      {one !== undefined && already > 0 && <Typography.Paragraph type="secondary">{t.devices.already(already)}</Typography.Paragraph>}
    </Modal>
  );
}

function Happens({ action, devices }: { action: Action; devices: Device[] }) {
  const t = useText();
  return (
    <>
      <Typography.Paragraph>{t.devices.texts[action]}</Typography.Paragraph>
      {action !== "activate" && (
        <Typography.Paragraph type="secondary">
          {devices.some((d) => d.Online === undefined) ? t.devices.liveUnknown : t.devices.live(devices.filter((d) => d.Online).length)}
        </Typography.Paragraph>
      )}
    </>
  );
}
