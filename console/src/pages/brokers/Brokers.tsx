/* The brokers of an instance, and the one on this machine live. */
import { Alert, Flex, Spin, Switch } from "antd";
import { useState } from "react";
import { useBrokerStatus } from "../../api/broker";
import { ApiLink } from "../../components/ApiLink";
import { Section } from "../../components/Heading";
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
          <Section title={t.brokers.nodes}>
            <NodeTable nodes={data.Nodes} revision={data.Revision} />
          </Section>
          {local === undefined ? (
            <Alert type="info" showIcon title={t.brokers.notHere(data.LocalReason ?? "")} />
          ) : (
            <>
              <Section title={t.brokers.here}>
                <Charts counters={local.Counters} at={dataUpdatedAt} key={local.NodeId} />
              </Section>
              <Section title={t.brokers.refusals}>
                <Refusals of={local} />
              </Section>
              <Section title={t.brokers.facts}>
                <Facts of={local} />
              </Section>
            </>
          )}
        </Flex>
      )}
    </>
  );
}
