/* Text to be copied: a command, a serial number, code. */
import { Typography } from "antd";

export function Command({ text, label }: { text: string; label: string }) {
  return (
    <Typography.Paragraph copyable={{ text }} style={{ marginBlockEnd: 8 }}>
      <pre aria-label={label} tabIndex={0} style={{ display: "inline-block", maxWidth: "calc(100% - 32px)", margin: 0, whiteSpace: "pre-wrap", overflowWrap: "anywhere", verticalAlign: "top" }}>
        {text}
      </pre>
    </Typography.Paragraph>
  );
}

export function Code({ children }: { children: string }) {
  return (
    <Typography.Text code copyable={children !== ""} style={{ overflowWrap: "anywhere" }}>
      {children}
    </Typography.Text>
  );
}
