/* An answer as it came. */
import { Card, Flex, Tag, Typography } from "antd";
import { useText } from "../../i18n";

export interface Outcome {
  answer: unknown;
  rollout: string | null;
  ms: number;
}

export function AnswerView({ of }: { of: Outcome }) {
  const t = useText();
  const text = JSON.stringify(of.answer, null, 2);
  return (
    <Card
      size="small"
      title={<Typography.Title level={2} style={{ fontSize: 16, margin: 0 }}>{t.explorer.answer}</Typography.Title>}
      extra={
        <Flex gap={4} align="center">
          <Tag color="green">200</Tag>
          <Tag>{of.ms} ms</Tag>
          {of.rollout !== null && <Tag>x-signet-rollout: {of.rollout}</Tag>}
          <Typography.Text copyable={{ text }} />
        </Flex>
      }
    >
      <pre data-answer tabIndex={0} aria-label={t.explorer.answer} style={{ margin: 0, maxHeight: 480, overflow: "auto" }}>
        {text}
      </pre>
    </Card>
  );
}
