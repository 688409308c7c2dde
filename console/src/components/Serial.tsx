/* A serial number in a table: as much of it as there is room for. */
import { Typography } from "antd";

export function Serial({ of }: { of: string }) {
  return (
    <Typography.Text code ellipsis title={of} style={{ maxWidth: 200, verticalAlign: "bottom" }}>
      {of}
    </Typography.Text>
  );
}
