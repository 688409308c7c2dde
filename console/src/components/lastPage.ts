/* When the last rows of the last page are gone, the page before is turned to: an empty one has no way back. */
import { useEffect } from "react";

export function useLastPage(page: number, size: number, total: number | undefined, turn: (page: number) => void): void {
  const last = Math.max(1, Math.ceil((total ?? Infinity) / size));
  useEffect(() => {
    if (page > last) turn(last);
  }, [page, last, turn]);
}
