/* The heading of a part of a page or drawer, and such a part that has a frame. */
import { Card, Flex, Typography } from "antd";
import type { ReactNode } from "react";

/* `below`: pixels under it. */
export function Title({ text, below = 0 }: { text: string; below?: number }) {
  return (
    <Typography.Title level={2} style={{ fontSize: 16, marginBlock: `0 ${below}px` }}>
      {text}
    </Typography.Title>
  );
}

export function Heading({ text, extra }: { text: string; extra?: ReactNode }) {
  return (
    <Flex align="center" gap={8} style={{ minHeight: 32, marginBlock: "16px 8px" }}>
      <Title text={text} />
      {extra}
    </Flex>
  );
}

export function Section({ title, extra, children }: { title: string; extra?: ReactNode; children: ReactNode }) {
  return (
    <Card size="small" title={<Title text={title} />} extra={extra}>
      {children}
    </Card>
  );
}
