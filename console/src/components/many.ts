/* The same call for many things: a few at a time, told how far it is, stopped when asked; what fails does not stop the rest. What
 * is under way when it is stopped is waited for, so that what is told is what was done. */
import { throttled } from "../api/call";

export interface Progress<T> {
  done: number;
  failed: { item: T; error: Error }[];
  total: number;
}

const AT_ONCE = 4;
const BUSY_TRIES = 20;
const BUSY_WAIT_MS = 250;

export async function runMany<T>(
  items: readonly T[],
  one: (item: T) => Promise<unknown>,
  told: (p: Progress<T>) => void,
  signal: AbortSignal,
): Promise<Progress<T>> {
  const progress: Progress<T> = { done: 0, failed: [], total: items.length };
  let next = 0;
  async function work() {
    while (next < items.length && !signal.aborted) {
      const item = items[next++]!;
      try {
        await patiently(() => one(item), signal);
      } catch (e) {
        if (signal.aborted && throttled(e)) return; /* nothing was done with it */
        progress.failed.push({ item, error: e instanceof Error ? e : new Error(String(e)) });
      }
      progress.done++;
      told({ ...progress });
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return { ...progress };
}

/* Throttled calls are made again, unless it is stopped. */
export async function patiently<R>(one: () => Promise<R>, signal: AbortSignal): Promise<R> {
  for (let n = 1; ; n++) {
    try {
      return await one();
    } catch (e) {
      if (!throttled(e) || n === BUSY_TRIES || signal.aborted) throw e;
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS * n));
    }
  }
}
