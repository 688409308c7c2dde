/* An answer as it came. */
import { Flex, Tag, Typography } from "antd";
import { Section } from "../../components/Heading";
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
    <Section
      title={t.explorer.answer}
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
    </Section>
  );
}
