/* The brokers of an instance, and whether each serves the last revision. */
import { Table } from "antd";
import { now } from "../../api/clock";
import type { Instance } from "../../api/instance";
import { Ago, State } from "../../components/format";
import { Section } from "../../components/Heading";
import { useText } from "../../i18n";

const SILENT_MS = 30_000;

type Node = Instance["Brokers"][number];

export function Nodes({ of }: { of: Instance }) {
  const t = useText();
  function state(node: Node) {
    if (now() - node.SeenAt > SILENT_MS) return <State mood="bad">{t.overview.silent}</State>;
    return node.AppliedRevision === of.Revision ? <State mood="good">{t.overview.current}</State> : <State mood="warning">{t.overview.behind}</State>;
  }
  return (
    <Section title={t.overview.brokers}>
      <Table<Node>
        rowKey="NodeId"
        size="small"
        pagination={false}
        dataSource={of.Brokers}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: t.overview.noBroker }}
        columns={[
          { title: t.overview.broker, dataIndex: "NodeId" },
          { title: t.overview.brokerIs, dataIndex: "AppliedRevision", render: (revision: number, node) => <>{revision} {state(node)}</> },
          { title: t.overview.seen, dataIndex: "SeenAt", render: (at: number) => <Ago at={at} /> },
          { title: t.overview.started, dataIndex: "StartedAt", render: (at: number) => <Ago at={at} /> },
        ]}
      />
    </Section>
  );
}
