/* Says what becomes of the devices and of their connections, then does it. */
import { Modal, Typography } from "antd";
import { useCaGone, useDeviceCount, type Ca } from "../../api/ca";
import { callWithRollout } from "../../api/call";
import { useLiveCount } from "../../api/clients";
import { useChanged } from "../../api/instance";
import { useAttempt } from "../../components/attempt";
import { Problem } from "../../components/Problem";
import { useTold } from "../../components/told";
import { useText } from "../../i18n";
import { useCaWords } from "./CaTable";

export type CaAction = "activate" | "inactivate" | "delete";

export const OPERATIONS: Record<CaAction, string> = {
  activate: "ActiveCaCertificate",
  inactivate: "InactivateCaCertificate",
  delete: "DeleteCaCertificate",
};

export function CaActDialog({ id, action, ca, close }: { id: string; action: CaAction; ca: Ca; close: () => void }) {
  const t = useText();
  const words = useCaWords();
  const told = useTold();
  const changed = useChanged();
  const gone = useCaGone();
  const devices = useDeviceCount(id, ca.Sn);
  const live = useLiveCount(id, ca.Sn);
  const { attempt, error, busy } = useAttempt();

  const apply = () =>
    attempt(async () => {
      const { rollout } = await callWithRollout(OPERATIONS[action], { MqttInstanceId: id, Sn: ca.Sn });
      await (action === "delete" ? gone(id, ca.Sn) : changed(id));
      told(rollout);
      close();
    });
  return (
    <Modal open title={t.ca.titles[action](ca.CaName)} okText={words[action]} okButtonProps={{ danger: action !== "activate" }} confirmLoading={busy} onCancel={close} onOk={() => void apply()}>
      <Problem error={error} />
      <Typography.Paragraph>{t.ca.texts[action]}</Typography.Paragraph>
      <Typography.Paragraph type="secondary" aria-live="polite" style={{ minHeight: 44 }}>
        {devices.data !== undefined && t.ca.touched(devices.data)}{" "}
        {action !== "activate" && devices.data !== undefined && devices.data > 0 && !live.isLoading && (live.data === undefined || live.data === null ? t.ca.liveUnknown : t.ca.live(live.data))}
      </Typography.Paragraph>
    </Modal>
  );
}
