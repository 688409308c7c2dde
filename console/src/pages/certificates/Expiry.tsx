/* When a certificate ends; soon or past is said in words, too. */
import { Space } from "antd";
import { now } from "../../api/clock";
import { State, Time } from "../../components/format";
import { useText } from "../../i18n";

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;

export function daysLeft(at: number): number {
  return Math.floor((at - now()) / DAY_MS);
}

export function Expiry({ at }: { at: number }) {
  const t = useText();
  const days = daysLeft(at);
  return (
    <Space size={8} style={{ whiteSpace: "nowrap" }}>
      <Time at={at} date />
      {days < 0 ? <State mood="bad">{t.certificates.past}</State> : days < SOON_DAYS ? <State mood="warning">{t.certificates.soon(days)}</State> : null}
    </Space>
  );
}
