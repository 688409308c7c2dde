/* The brokers of an instance, and the one on this machine live. */
import { Alert, Card, Flex, Spin, Switch, Typography } from "antd";
import { useState, type ReactNode } from "react";
import { useBrokerStatus } from "../../api/broker";
import { ApiLink } from "../../components/ApiLink";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { Charts } from "./Charts";
import { Facts, Refusals } from "./Facts";
import { NodeTable } from "./NodeTable";

const EVERY_MS = 2_000;

export default function Brokers() {
  const t = useText();
  const id = useInstanceId();
  const [live, setLive] = useState(true);
  const { data, error, isPending, refetch, dataUpdatedAt } = useBrokerStatus(id, live ? EVERY_MS : false);
  const local = data?.Local;
  return (
    <>
      <PageHead
        title={t.brokers.title}
        note={t.brokers.note}
        actions={
          <label>
            <Switch checked={live} onChange={setLive} aria-label={t.brokers.live} /> {t.brokers.live}
          </label>
        }
        api={<ApiLink operation="GetBrokerStatus" params={{ MqttInstanceId: id }} />}
      />
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <Spin />}
      {data !== undefined && (
        <Flex vertical gap={16}>
          <Part title={t.brokers.nodes}>
            <NodeTable nodes={data.Nodes} revision={data.Revision} />
          </Part>
          {local === undefined ? (
            <Alert type="info" showIcon title={t.brokers.notHere(data.LocalReason ?? "")} />
          ) : (
            <>
              <Part title={t.brokers.here}>
                <Charts counters={local.Counters} at={dataUpdatedAt} key={local.NodeId} />
              </Part>
              <Part title={t.brokers.refusals}>
                <Refusals of={local} />
              </Part>
              <Part title={t.brokers.facts}>
                <Facts of={local} />
              </Part>
            </>
          )}
        </Flex>
      )}
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card size="small" title={<Typography.Title level={2} style={{ fontSize: 16, margin: 0 }}>{title}</Typography.Title>}>
      {children}
    </Card>
  );
}
