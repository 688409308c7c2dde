/* To the next page and back. There are no page numbers to jump to: a page begins where the one before has ended. */
import { LeftOutlined, RightOutlined } from "@ant-design/icons";
import { Button, Flex, Select, Typography } from "antd";
import { useText } from "../../i18n";

const SIZES = [20, 50, 100];

interface TurnerOf {
  page: number;
  total: number | undefined;
  size: number;
  resize: (size: number) => void;
  previous: (() => void) | undefined;
  next: (() => void) | undefined;
}

export function Turner({ page, total, size, resize, previous, next }: TurnerOf) {
  const t = useText();
  return (
    <Flex wrap gap={12} align="center" justify="flex-end" style={{ marginBlockStart: 16 }}>
      {total !== undefined && <Typography.Text type="secondary">{t.devices.total(total)}</Typography.Text>}
      <Button icon={<LeftOutlined />} aria-label={t.devices.previous} disabled={previous === undefined} onClick={previous} />
      <Typography.Text aria-live="polite">{t.devices.page(page)}</Typography.Text>
      <Button icon={<RightOutlined />} aria-label={t.devices.next} disabled={next === undefined} onClick={next} />
      <Select aria-label={t.devices.pageSize} value={size} options={SIZES.map((value) => ({ value, label: t.devices.rows(value) }))} onChange={resize} />
    </Flex>
  );
}
