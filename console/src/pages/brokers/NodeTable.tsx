/* Every broker that has said it serves the instance: its revision, and the entries that it could not use. */
import { Table, Typography } from "antd";
import type { BrokerNode, RejectedEntry } from "../../api/broker";
import { Ago, State } from "../../components/format";
import { Unseen } from "../../components/Unseen";
import { useText } from "../../i18n";
import { BrokerState } from "./BrokerState";

export function NodeTable({ nodes, revision }: { nodes: BrokerNode[]; revision: number }) {
  const t = useText();
  return (
    <Table<BrokerNode>
      rowKey="NodeId"
      size="small"
      pagination={false}
      dataSource={nodes}
      scroll={{ x: "max-content" }}
      locale={{ emptyText: t.brokers.none }}
      expandable={{
        columnTitle: <Unseen text={t.common.details} />,
        rowExpandable: (node) => node.Rejected.length > 0,
        expandedRowRender: (node) => <Rejected entries={node.Rejected} />,
      }}
      columns={[
        { title: t.brokers.node, dataIndex: "NodeId" },
        {
          title: t.brokers.serves,
          render: (_, node) => (
            <>
              {node.AppliedRevision} <BrokerState of={node} /> {!node.Current && <Typography.Text type="secondary">{t.brokers.of(revision)}</Typography.Text>}
            </>
          ),
        },
        {
          title: t.brokers.refused,
          render: (_, node) => (node.Rejected.length === 0 ? t.brokers.refusedNone : <State mood="bad">{String(node.Rejected.length)}</State>),
        },
        { title: t.brokers.seen, dataIndex: "SeenAt", render: (at: number) => <Ago at={at} /> },
        { title: t.brokers.started, dataIndex: "StartedAt", render: (at: number) => <Ago at={at} /> },
      ]}
    />
  );
}

function Rejected({ entries }: { entries: RejectedEntry[] }) {
  const t = useText();
  const rows = entries.map(({ error, ...named }, n) => ({ n, entry: Object.values(named).join(" → "), error }));
  return (
    <Table
      rowKey="n"
      size="small"
      pagination={{ hideOnSinglePage: true }}
      dataSource={rows}
      columns={[
        { title: t.brokers.entry, dataIndex: "entry" },
        { title: t.brokers.why, dataIndex: "error" },
      ]}
    />
  );
}
