/* What a click or a form does: whether it is under way, and why it has failed. What is begun while it is under way is not begun:
 * a second click may come before the button is drawn anew. */
import { useRef, useState } from "react";

export function useAttempt() {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const going = useRef(false);
  async function attempt(work: () => Promise<void>) {
    if (going.current) return;
    going.current = true;
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (e) {
      setError(e);
    } finally {
      going.current = false;
      setBusy(false);
    }
  }
  return { attempt, error, busy };
}
