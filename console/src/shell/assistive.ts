/* What antd leaves undone for keyboards and screen readers, and has no property for. */
import { useEffect, type RefObject } from "react";

const SCROLLERS = ".ant-table-content, .ant-table-body";

/* A table that is wider than its place scrolls: so that the keyboard can scroll it, it takes the focus. */
function offerScrolling(root: HTMLElement) {
  for (const e of root.querySelectorAll<HTMLElement>(SCROLLERS))
    if (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight) e.tabIndex = 0;
    else e.removeAttribute("tabindex");
}

/* The button with the tabs that do not fit stands among them, and is no tab. */
function nameTabs(root: HTMLElement) {
  for (const e of root.querySelectorAll('.ant-tabs-nav[role="tablist"]')) {
    e.removeAttribute("role");
    e.removeAttribute("aria-orientation");
    e.querySelector(".ant-tabs-nav-list")?.setAttribute("role", "tablist");
  }
}

/* A table measures its columns with a hidden copy of its head, where nothing is to be reached. */
function hideMeasures(root: HTMLElement) {
  for (const e of root.querySelectorAll<HTMLElement>(".ant-table-measure-row :is(input, button, a, [tabindex])")) e.tabIndex = -1;
}

export function useAssistive(root: RefObject<HTMLElement | null>) {
  useEffect(() => {
    const element = root.current?.ownerDocument.body; /* dialogs are outside of the page */
    if (element === undefined) return;
    let asked = 0;
    const look = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(() => {
        offerScrolling(element);
        nameTabs(element);
        hideMeasures(element);
      });
    };
    const changes = new MutationObserver(look);
    const sizes = new ResizeObserver(look);
    changes.observe(element, { childList: true, subtree: true });
    sizes.observe(element);
    return () => {
      changes.disconnect();
      sizes.disconnect();
      cancelAnimationFrame(asked);
    };
  }, [root]);
}
