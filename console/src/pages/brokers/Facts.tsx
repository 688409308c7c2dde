/* What the broker on this machine says of itself besides its counters. */
import { Descriptions, Flex, Table, Tag } from "antd";
import type { LocalBroker } from "../../api/broker";
import { Count } from "../../components/format";
import { useText } from "../../i18n";

export function Facts({ of }: { of: LocalBroker }) {
  const t = useText();
  return (
    <Descriptions
      column={{ xs: 1, md: 2 }}
      items={[
        { key: "version", label: t.brokers.version, children: of.Version },
        { key: "workers", label: t.brokers.workers, children: <Count of={of.Workers} /> },
        { key: "revision", label: t.brokers.serves, children: <Count of={of.Revision} /> },
        { key: "reload", label: t.brokers.reload, children: `${of.LastReloadMs} ms` },
        {
          key: "listeners",
          label: t.brokers.listeners,
          children: (
            <Flex wrap gap={4}>
              {of.Listeners.map((l) => (
                <Tag key={`${l.Name} ${l.Port}`}>
                  {l.Name} {l.Address}:{l.Port} {l.Proxy && t.brokers.proxy}
                </Tag>
              ))}
            </Flex>
          ),
        },
      ]}
    />
  );
}

export function Refusals({ of }: { of: LocalBroker }) {
  const t = useText();
  const rows = [...of.Refusals].filter((r) => r.Count > 0).sort((a, b) => b.Count - a.Count);
  return (
    <Table
      rowKey="Reason"
      size="small"
      pagination={false}
      dataSource={rows}
      locale={{ emptyText: t.brokers.noRefusals }}
      columns={[
        { title: t.brokers.reason, dataIndex: "Reason", render: (reason: string) => <code>{reason}</code> },
        { title: t.brokers.count, dataIndex: "Count", align: "end", render: (n: number) => <Count of={n} /> },
      ]}
    />
  );
}
