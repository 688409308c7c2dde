/* Words for who hears the page, where who sees it needs none. */
export function Unseen({ text }: { text: string }) {
  return <span style={{ position: "absolute", width: 1, height: 1, overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" }}>{text}</span>;
}
