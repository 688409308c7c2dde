/* What was before an event and what after: the members of both, those that differ in bold. */
import { Table, Typography } from "antd";
import type { AuditEvent } from "../../api/audit";
import { Code } from "../../components/Copied";
import { useText } from "../../i18n";

interface Member {
  name: string;
  before: string;
  after: string;
}

function textOf(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function members(e: AuditEvent): Member[] {
  const names = new Set([...Object.keys(e.Before ?? {}), ...Object.keys(e.After ?? {})]);
  return [...names].map((name) => ({ name, before: textOf(e.Before?.[name]), after: textOf(e.After?.[name]) }));
}

export function Change({ of }: { of: AuditEvent }) {
  const t = useText();
  const show = (text: string, m: Member) => <div style={{ maxWidth: 420, overflowWrap: "anywhere", whiteSpace: "pre-wrap", fontWeight: m.before === m.after ? undefined : 600 }}>{text === "" ? "–" : text}</div>;
  return (
    <>
      <Table<Member>
        rowKey="name"
        size="small"
        pagination={false}
        dataSource={members(of)}
        title={() => t.audit.details}
        locale={{ emptyText: t.audit.nothing }}
        columns={[
          { title: "", dataIndex: "name" },
          { title: t.audit.before, dataIndex: "before", render: show },
          { title: t.audit.after, dataIndex: "after", render: show },
        ]}
      />
      <Typography.Paragraph style={{ marginBlock: 8 }}>
        {t.audit.requestId} <Code>{of.RequestId}</Code>
      </Typography.Paragraph>
    </>
  );
}
