/* The brokers of an instance, and whether each serves the last revision. */
import { Table } from "antd";
import type { BrokerNode } from "../../api/broker";
import { now } from "../../api/clock";
import type { Instance } from "../../api/instance";
import { Ago } from "../../components/format";
import { Section } from "../../components/Heading";
import { useText } from "../../i18n";
import { BrokerState } from "../brokers/BrokerState";

const ALIVE_MS = 20_000; /* the API's own measure */

type Node = Pick<BrokerNode, "NodeId" | "AppliedRevision" | "StartedAt" | "SeenAt" | "Alive" | "Current">;

/* What the API says of each; for a key that may not ask it, found out of when they were seen last. */
export function Nodes({ of, live }: { of: Instance; live: BrokerNode[] | undefined }) {
  const t = useText();
  const nodes: Node[] = live ?? of.Brokers.map((b) => ({ ...b, Alive: now() - b.SeenAt <= ALIVE_MS, Current: b.AppliedRevision >= of.Revision }));
  return (
    <Section title={t.overview.brokers}>
      <Table<Node>
        rowKey="NodeId"
        size="small"
        pagination={false}
        dataSource={nodes}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: t.overview.noBroker }}
        columns={[
          { title: t.overview.broker, dataIndex: "NodeId" },
          { title: t.overview.brokerIs, dataIndex: "AppliedRevision", render: (revision: number, node) => <>{revision} <BrokerState of={node} /></> },
          { title: t.overview.seen, dataIndex: "SeenAt", render: (at: number) => <Ago at={at} /> },
          { title: t.overview.started, dataIndex: "StartedAt", render: (at: number) => <Ago at={at} /> },
        ]}
      />
    </Section>
  );
}
