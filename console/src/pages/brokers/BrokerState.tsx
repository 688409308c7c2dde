/* Whether a broker is there, and serves the last revision. */
import type { BrokerNode } from "../../api/broker";
import { State } from "../../components/format";
import { useText } from "../../i18n";

export function BrokerState({ of }: { of: Pick<BrokerNode, "Alive" | "Current"> }) {
  const t = useText();
  if (!of.Alive) return <State mood="bad">{t.brokers.silent}</State>;
  return of.Current ? <State mood="good">{t.brokers.current}</State> : <State mood="warning">{t.brokers.behind}</State>;
}
