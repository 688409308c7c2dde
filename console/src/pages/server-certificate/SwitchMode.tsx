/* Says what a change of mode will do to live connections, does it, and says what the brokers did. */
import { Modal, Typography } from "antd";
import { callWithRollout } from "../../api/call";
import { useLiveCount } from "../../api/clients";
import { useChanged, type Instance } from "../../api/instance";
import { useAttempt } from "../../components/attempt";
import { Problem } from "../../components/Problem";
import { useTold } from "../../components/told";
import { useText, type Texts } from "../../i18n";
import type { Wanted } from "./ServerCertificate";

function effects(t: Texts, of: Instance, wanted: Wanted): string[] {
  const text = t.serverCertificate.effects;
  const certificate = wanted.DefaultCertificate === of.DefaultCertificate ? [] : [text.newCertificate];
  if (wanted.AuthenticationMode !== of.AuthenticationMode)
    return [...(wanted.AuthenticationMode === "mutual" ? [text.toMutual, text.toMutualPlain] : [text.toOneWay]), ...certificate];
  if (wanted.AuthenticationMode === "mutual" && wanted.LoginRequired !== of.LoginRequired) return [wanted.LoginRequired ? text.loginOn : text.loginOff, ...certificate];
  return [text.certificate];
}

export function SwitchMode({ of, wanted, close }: { of: Instance; wanted: Wanted; close: () => void }) {
  const t = useText();
  const id = of.MqttInstanceId;
  const told = useTold();
  const changed = useChanged();
  const { attempt, error, busy } = useAttempt();
  const live = useLiveCount(id);

  function leave() {
    if (error !== null) void changed(id); /* it may be another than the one that is shown */
    close();
  }

  const apply = () =>
    attempt(async () => {
      const { rollout } = await callWithRollout("SetAuthenticationMode", {
        MqttInstanceId: id,
        ExpectedRevision: of.Revision, /* what is said here was said of that */
        Mode: wanted.AuthenticationMode,
        LoginRequired: wanted.AuthenticationMode === "mutual" ? wanted.LoginRequired : undefined,
        ServerCertificate: wanted.DefaultCertificate === of.DefaultCertificate ? undefined : wanted.DefaultCertificate,
      });
      await changed(id);
      told(rollout);
      close();
    });
  return (
    <Modal open title={t.serverCertificate.happens} onCancel={leave} onOk={() => void apply()} okText={t.serverCertificate.confirm} confirmLoading={busy}>
      <Problem error={error} />
      <ul style={{ paddingInlineStart: 20 }}>
        {effects(t, of, wanted).map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {!live.isLoading && (
        <Typography.Text type="secondary">{typeof live.data === "number" ? t.serverCertificate.connections(live.data) : t.serverCertificate.connectionsUnknown}</Typography.Text>
      )}
    </Modal>
  );
}
