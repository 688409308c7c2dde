/* The heading of a part of a page or drawer. */
import { Flex, Typography } from "antd";
import type { ReactNode } from "react";

export function Heading({ text, extra }: { text: string; extra?: ReactNode }) {
  return (
    <Flex align="center" gap={8} style={{ minHeight: 32, marginBlock: "16px 8px" }}>
      <Typography.Title level={2} style={{ fontSize: 16, margin: 0 }}>
        {text}
      </Typography.Title>
      {extra}
    </Flex>
  );
}
