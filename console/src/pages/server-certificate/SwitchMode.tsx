/* Says what a change of mode will do to live connections, does it, and says what the brokers did. */
import { Modal, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call, callWithRollout, type Answer } from "../../api/call";
import { useChanged, type Instance } from "../../api/instance";
import { useMay } from "../../api/session";
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
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const mayCount = useMay()("ListSessions", id);
  const sessions = useQuery({
    queryKey: [id, "ListSessions", "count"],
    enabled: mayCount,
    retry: false,
    queryFn: ({ signal }) => call<Answer & { Total: number; Brokers: { Answered: boolean }[] }>("ListSessions", { MqttInstanceId: id, PageNo: 1, PageSize: 1 }, signal),
  });

  function leave() {
    if (error !== null) void changed(id); /* it may be another than the one that is shown */
    close();
  }

  async function apply() {
    setBusy(true);
    setError(null);
    try {
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
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  }
  const known = sessions.data !== undefined && sessions.data.Brokers.some((b) => b.Answered);
  return (
    <Modal open title={t.serverCertificate.happens} onCancel={leave} onOk={() => void apply()} okText={t.serverCertificate.confirm} confirmLoading={busy}>
      <Problem error={error} />
      <ul style={{ paddingInlineStart: 20 }}>
        {effects(t, of, wanted).map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {!sessions.isLoading && (
        <Typography.Text type="secondary">{known ? t.serverCertificate.connections(sessions.data.Total) : t.serverCertificate.connectionsUnknown}</Typography.Text>
      )}
    </Modal>
  );
}
