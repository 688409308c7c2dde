/* Back to a revision, after it is said what that changes. */
import { Modal, Spin, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { call, callWithRollout, type Answer } from "../../api/call";
import { useChanged } from "../../api/instance";
import { useAttempt } from "../../components/attempt";
import { Problem } from "../../components/Problem";
import { useTold } from "../../components/told";
import { useText } from "../../i18n";

interface Outcome extends Answer {
  Added: number;
  Removed: number;
  Changed: number;
  Revision: number;
}

export function Rollback({ instance, revision, close }: { instance: string; revision: number; close: () => void }) {
  const t = useText();
  const told = useTold();
  const changed = useChanged();
  const { attempt, error, busy } = useAttempt();
  const params = { MqttInstanceId: instance, Revision: revision };
  const dry = useQuery({ queryKey: ["RollbackConfig", instance, revision], gcTime: 0, queryFn: ({ signal }) => call<Outcome>("RollbackConfig", { ...params, DryRun: true }, signal) });

  const goBack = () =>
    attempt(async () => {
      const { rollout } = await callWithRollout<Outcome>("RollbackConfig", params);
      await changed(instance);
      told(rollout);
      close();
    });
  return (
    <Modal open title={t.history.rollbackTitle(revision)} onCancel={close} onOk={() => void goBack()} okText={t.history.rollback} okButtonProps={{ disabled: dry.data === undefined }} confirmLoading={busy}>
      <Problem error={error ?? dry.error} />
      {dry.isLoading && <Spin />}
      {dry.data !== undefined && (
        <>
          <Typography.Paragraph>
            {t.history.rollbackText(dry.data.Added, dry.data.Removed, dry.data.Changed)}
          </Typography.Paragraph>
          <Typography.Text type="secondary">{t.history.rollbackKept}</Typography.Text>
        </>
      )}
    </Modal>
  );
}
