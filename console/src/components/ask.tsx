/* Asks first, then does it, and shows why not. */
import { App } from "antd";
import { useChanged } from "../api/instance";
import { Problem } from "./Problem";

/* `title` null: nothing is asked. `instance`: what it changes; else anything. */
export function useAsk() {
  const { modal } = App.useApp();
  const changed = useChanged();
  return (title: string | null, content: string, okText: string, work: () => Promise<unknown>, instance?: string) => {
    const onOk = async () => {
      try {
        await work();
      } catch (e) {
        modal.error({ title: okText, content: <Problem error={e} /> });
      }
      await changed(instance);
    };
    if (title === null) void onOk();
    else modal.confirm({ title, content, okText, okButtonProps: { danger: true }, autoFocusButton: "cancel", onOk });
  };
}
