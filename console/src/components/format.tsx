/* How times, numbers and states are shown everywhere. */
import { Tag, Tooltip, Typography } from "antd";
import { useSyncExternalStore, type ReactNode } from "react";
import { now } from "../api/clock";
import { useLanguage, useText } from "../i18n";

/* Milliseconds since 1970, as a number or as text; or a time as RFC 3339 writes it. Undefined and "": never. */
export type Moment = number | string | undefined;

export function millis(moment: Moment): number | undefined {
  if (moment === undefined || moment === "" || moment === 0) return undefined;
  if (typeof moment === "number") return moment;
  return /^\d+$/.test(moment) ? Number(moment) : Date.parse(moment);
}

const formats = new Map<string, Intl.DateTimeFormat>(); /* one is slow to make, and a table needs many */

function formatOf(locale: string, date: boolean): Intl.DateTimeFormat {
  const key = `${locale} ${date}`;
  const made = formats.get(key) ?? new Intl.DateTimeFormat(locale, date ? { dateStyle: "medium" } : { dateStyle: "medium", timeStyle: "medium" });
  formats.set(key, made);
  return made;
}

/* The moment, in the reader's own time zone and language; its UTC text beside it. */
export function Time({ at, date = false }: { at: Moment; date?: boolean }) {
  const { locale } = useLanguage();
  const t = useText();
  const ms = millis(at);
  if (ms === undefined) return <Typography.Text type="secondary">{t.common.never}</Typography.Text>;
  const text = formatOf(locale, date).format(ms);
  return (
    <Tooltip title={new Date(ms).toISOString()}>
      <time dateTime={new Date(ms).toISOString()}>{text}</time>
    </Tooltip>
  );
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000_000],
  ["month", 2_592_000_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/* One clock for all that is told as "ago". */
const TICK_MS = 5_000;
const told = new Set<() => void>();
let ticks = 0;
let clock: ReturnType<typeof setInterval> | undefined;

function onTick(tell: () => void): () => void {
  told.add(tell);
  clock ??= setInterval(() => {
    ticks++;
    for (const each of told) each();
  }, TICK_MS);
  return () => {
    told.delete(tell);
    if (told.size > 0) return;
    clearInterval(clock);
    clock = undefined;
  };
}

/* "3 minutes ago", "in 12 days". */
export function Ago({ at }: { at: Moment }) {
  const { locale } = useLanguage();
  const t = useText();
  useSyncExternalStore(onTick, () => ticks);
  const ms = millis(at);
  if (ms === undefined) return <Typography.Text type="secondary">{t.common.never}</Typography.Text>;
  const away = ms - now();
  const [unit, step] = STEPS.find(([, s]) => Math.abs(away) >= s) ?? ["second", 1_000];
  return (
    <Tooltip title={<Time at={ms} />}>
      <time dateTime={new Date(ms).toISOString()}>
        {new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(Math.trunc(away / step), unit)}
      </time>
    </Tooltip>
  );
}

/* In a table: what may be long makes its row higher, not the table wider. */
export function Long({ of, width = 240 }: { of: ReactNode; width?: number }) {
  return <div style={{ maxWidth: width, whiteSpace: "normal", overflowWrap: "anywhere" }}>{of}</div>;
}

/* Who did something, and from where. */
export function Who({ accessKey, address }: { accessKey: string; address: string }) {
  return (
    <>
      <div>{accessKey}</div>
      <Typography.Text type="secondary">{address}</Typography.Text>
    </>
  );
}

export function Count({ of }: { of: number | undefined }) {
  const { locale } = useLanguage();
  return <>{of === undefined ? "–" : new Intl.NumberFormat(locale).format(of)}</>;
}

export type Mood = "good" | "neutral" | "warning" | "bad";

const COLORS: Record<Mood, string> = { good: "green", neutral: "default", warning: "gold", bad: "red" };

export function State({ mood, children }: { mood: Mood; children: string }) {
  return <Tag color={COLORS[mood]}>{children}</Tag>;
}
