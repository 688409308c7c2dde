/* The certificates that end, soonest first, each with the way to where it can be replaced. */
import { Flex, Table, Typography } from "antd";
import { Link } from "react-router-dom";
import type { ExpiringCertificate } from "../../api/expiring";
import { State, Time, type Mood } from "../../components/format";
import { useText } from "../../i18n";

const SOON_DAYS = 14;

function mood(c: ExpiringCertificate): Mood {
  if (c.Expired) return "bad";
  return c.DaysLeft < SOON_DAYS ? "warning" : "neutral";
}

/* Where it is looked at, and the number that it is known by there. */
function place(c: ExpiringCertificate): [string, string] {
  if (c.Type === "server") return ["/certificates", c.CertIdentifier];
  const instance = `/instances/${c.MqttInstanceId}`;
  return c.Type === "ca" ? [`${instance}/ca`, c.CaSn] : [`${instance}/devices`, c.DeviceSn];
}

/* `ofOne`: all of one instance, which need not be named. */
export function ExpiringTable({ rows, ofOne = false }: { rows: ExpiringCertificate[]; ofOne?: boolean }) {
  const t = useText();
  return (
    <Table<ExpiringCertificate>
      rowKey={(c) => `${c.Type} ${c.MqttInstanceId} ${c.CertIdentifier} ${c.CaSn} ${c.DeviceSn}`}
      size="small"
      dataSource={rows}
      pagination={{ defaultPageSize: 20, hideOnSinglePage: true }}
      scroll={{ x: "max-content" }}
      columns={[
        { title: t.expiring.ends, dataIndex: "NotAfter", render: (at: number) => <Time at={at} date /> },
        {
          title: t.expiring.left,
          dataIndex: "DaysLeft",
          render: (days: number, c) => <State mood={mood(c)}>{c.Expired ? t.expiring.expired : String(days)}</State>,
        },
        { title: t.expiring.type, dataIndex: "Type", render: (type: string) => t.expiring.types[type] },
        {
          title: t.expiring.certificate,
          render: (_, c) => {
            const [to, number] = place(c);
            return (
              <Flex gap={6}>
                <Link to={to}>{c.Name === "" ? number : c.Name}</Link>
                <Typography.Text type="secondary">{c.Name === "" ? "" : number}</Typography.Text>
              </Flex>
            );
          },
        },
        { title: t.expiring.instance, dataIndex: "MqttInstanceId", hidden: ofOne, render: (id: string) => (id === "" ? "–" : <Link to={`/instances/${id}`}>{id}</Link>) },
        { title: t.expiring.inUse, dataIndex: "InUse", render: (used: boolean) => (used ? t.common.yes : t.common.no) },
      ]}
    />
  );
}
