/* What the brokers have done with a change. Only what every one of them serves is told as done. */
import { App } from "antd";
import { useText } from "../i18n";

/* Of the header x-signet-rollout; null: nothing had to be changed. */
export function useTold(): (rollout: string | null) => void {
  const t = useText();
  const { message } = App.useApp();
  return (rollout) => {
    if (rollout === null) message.success(t.common.saved);
    else message[rollout === "applied" ? "success" : "warning"](t.common.rollout[rollout] ?? rollout);
  };
}
