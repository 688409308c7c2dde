/* Month after month, a square for each day; the more end on it, the stronger. A day on which something ends is a button. */
import { Flex, Typography, theme } from "antd";
import { useMemo } from "react";
import { now } from "../../api/clock";
import type { ExpiringCertificate } from "../../api/expiring";
import { useLanguage, useText } from "../../i18n";
import { dayOf, daysOfMonth, monthsAhead, type Day } from "./days";

const SQUARE = 26;
const SOON_DAYS = 14;

interface Calendar {
  certificates: ExpiringCertificate[];
  days: number;
  chosen: Day | undefined;
  choose: (day: Day) => void;
}

interface OnDay {
  count: number;
  soon: boolean;
}

export function Calendar({ certificates, days, chosen, choose }: Calendar) {
  const t = useText();
  const { locale } = useLanguage();
  const byDay = useMemo(() => {
    const found = new Map<Day, OnDay>();
    for (const c of certificates) {
      const day = dayOf(c.NotAfter);
      found.set(day, { count: (found.get(day)?.count ?? 0) + 1, soon: c.DaysLeft < SOON_DAYS });
    }
    return found;
  }, [certificates]);
  const today = new Date(now());
  const expired = certificates.filter((c) => c.Expired).length; /* most are before the first month that is shown */
  return (
    <>
      {expired > 0 && (
        <Typography.Paragraph type="danger">
          {t.expiring.expired}: {expired}
        </Typography.Paragraph>
      )}
      <Flex wrap gap={24}>
        {monthsAhead(today, days).map((month) => (
          <section key={month.getTime()} aria-label={new Intl.DateTimeFormat(locale, { year: "numeric", month: "long" }).format(month)}>
            <Typography.Text strong>{new Intl.DateTimeFormat(locale, { year: "numeric", month: "long" }).format(month)}</Typography.Text>
            <div style={{ display: "grid", gridTemplateColumns: `repeat(7, ${SQUARE}px)`, gap: 3, marginBlockStart: 8 }}>
              {daysOfMonth(month).map((date, n) =>
                date === undefined ? <span key={n} /> : <Square key={n} date={date} on={byDay.get(dayOf(date.getTime()))} chosen={chosen} choose={choose} today={dayOf(date.getTime()) === dayOf(today.getTime())} />,
              )}
            </div>
          </section>
        ))}
      </Flex>
    </>
  );
}

function Square({ date, on, chosen, choose, today }: { date: Date; on: OnDay | undefined; chosen: Day | undefined; choose: (day: Day) => void; today: boolean }) {
  const t = useText();
  const { locale } = useLanguage();
  const { token } = theme.useToken();
  const day = dayOf(date.getTime());
  const box = {
    width: SQUARE,
    height: SQUARE,
    padding: 0,
    borderRadius: 4,
    fontSize: 11,
    lineHeight: `${SQUARE - 2}px`,
    textAlign: "center" as const,
    border: `1px solid ${today ? token.colorPrimary : "transparent"}`,
    color: token.colorTextSecondary,
    background: token.colorFillQuaternary,
  };
  if (on === undefined) return <span style={box}>{date.getDate()}</span>;
  return (
    <button
      type="button"
      aria-pressed={chosen === day}
      aria-label={t.expiring.onDay(new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(date), on.count)}
      title={t.expiring.onDay(new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(date), on.count)}
      onClick={() => choose(day)}
      style={{
        ...box,
        cursor: "pointer",
        fontWeight: 700,
        color: on.soon ? token.colorErrorText : token.colorText,
        background: on.soon ? token.colorErrorBg : token.colorWarningBg,
        borderColor: on.soon ? token.colorErrorBorder : token.colorWarningBorder,
        boxShadow: chosen === day ? `0 0 0 2px ${token.colorPrimary}` : undefined,
      }}
    >
      {date.getDate()}
    </button>
  );
}
