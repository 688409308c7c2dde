/* What the preview says of one row, and what the draft does with it. */
import { Flex, Typography } from "antd";
import type { ReportRow } from "../../api/sni";
import { State, type Mood } from "../../components/format";
import { useText } from "../../i18n";
import type { Change } from "./draft";

const MOODS: Record<Exclude<Change, "same">, Mood> = { added: "good", changed: "warning", removed: "bad" };

export function ChangeTag({ of }: { of: Change }) {
  const t = useText();
  return of === "same" ? null : <State mood={MOODS[of]}>{t.domains.change[of]}</State>;
}

export function Remarks({ of }: { of: ReportRow | undefined }) {
  const t = useText();
  if (of === undefined || of.Problems.length + of.Warnings.length === 0) return null;
  return (
    <Flex vertical gap={2} style={{ marginBlockStart: 4, maxWidth: 440, whiteSpace: "normal" }}>
      {of.Problems.map((text) => (
        <div key={text}>
          <State mood="bad">{t.domains.problem}</State> <Typography.Text type="danger">{text}</Typography.Text>
        </div>
      ))}
      {of.Warnings.map((text) => (
        <div key={text}>
          <State mood="warning">{t.domains.warning}</State> {text}
        </div>
      ))}
    </Flex>
  );
}
