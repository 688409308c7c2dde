/* How many are chosen, and what can be done with them. */
import { Button, Flex, Typography } from "antd";
import { useMay } from "../../api/session";
import { useText } from "../../i18n";
import { ACTIONS, OPERATIONS, type Action } from "./ActDialog";
import { NONE_CHOSEN, type Chosen } from "./chosen";

interface ChosenBarOf {
  id: string;
  chosen: Chosen;
  choose: (chosen: Chosen) => void;
  any: boolean; /* there are rows */
  act: (action: Action) => void;
}

export function useActions(id: string): Action[] {
  const may = useMay();
  return ACTIONS.filter((action) => may(OPERATIONS[action], id));
}

export function useActionText(): (action: Action) => string {
  const t = useText();
  return (action) => ({ activate: t.devices.activate, inactivate: t.devices.inactivate, delete: t.common.delete })[action];
}

export function ChosenBar({ id, chosen, choose, any, act }: ChosenBarOf) {
  const t = useText();
  const text = useActionText();
  const actions = useActions(id);
  const some = chosen.all || chosen.devices.length > 0;
  if (actions.length === 0) return null;
  return (
    <Flex wrap gap={8} align="center" style={{ marginBlockEnd: 12, minHeight: 32 }}>
      {actions.map((action) => (
        <Button key={action} disabled={!some} danger={action === "delete"} onClick={() => act(action)}>
          {text(action)}
        </Button>
      ))}
      <Typography.Text type="secondary" aria-live="polite">
        {chosen.all ? t.devices.chosenAll : t.devices.chosen(chosen.devices.length)}
      </Typography.Text>
      {any && !chosen.all && (
        <Button type="link" size="small" style={{ paddingInline: 0 }} onClick={() => choose({ all: true, devices: [] })}>
          {t.devices.chooseAll}
        </Button>
      )}
      {some && (
        <Button type="link" size="small" style={{ paddingInline: 0 }} onClick={() => choose(NONE_CHOSEN)}>
          {t.devices.chooseNone}
        </Button>
      )}
    </Flex>
  );
}
