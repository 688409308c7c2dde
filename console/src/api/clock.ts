/* The server's clock: a browser's may be wrong, and "30 days left" or "silent for 40 s" must not depend on it. */
const NOTICED_MS = 3_000; /* less is the Date header's second and the way here */

let ahead = 0;

/* Of an answer that has just come. */
export function setClock(date: string | null): void {
  const at = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(at)) return;
  const found = at - Date.now();
  ahead = Math.abs(found) > NOTICED_MS ? found : 0;
}

/* Milliseconds since 1970. */
export function now(): number {
  return Date.now() + ahead;
}
