/* Days of the reader's own calendar. */
export type Day = string; /* 2026-11-23 */

export function dayOf(ms: number): Day {
  const d = new Date(ms);
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`;
}

/* The first days of the months from today's to the one in which `days` days from now end. */
export function monthsAhead(now: Date, days: number): Date[] {
  const last = new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  const months: Date[] = [];
  for (let m = new Date(now.getFullYear(), now.getMonth(), 1); m <= last; m = new Date(m.getFullYear(), m.getMonth() + 1, 1)) months.push(m);
  return months;
}

/* The days of a month; undefined before its first, so that a week begins on Monday. */
export function daysOfMonth(month: Date): (Date | undefined)[] {
  const before = (month.getDay() + 6) % 7;
  const count = new Date(month.getFullYear(), month.getMonth() + 1, 0).getDate();
  return [...Array.from({ length: before }, () => undefined), ...Array.from({ length: count }, (_, n) => new Date(month.getFullYear(), month.getMonth(), n + 1))];
}
