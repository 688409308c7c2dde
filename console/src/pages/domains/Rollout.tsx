/* What has been applied, taken by one broker after the other. */
import { Alert, Button, Flex, Modal, Progress, Spin, Table, Typography } from "antd";
import { useRollout, type RolloutBroker } from "../../api/sni";
import { useMay } from "../../api/session";
import { Ago, State } from "../../components/format";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";

const TYPES = { applied: "success", pending: "info", none: "warning" } as const;

export function Rollout({ instance, close }: { instance: string; close: () => void }) {
  const t = useText();
  const mayAsk = useMay()("GetRolloutStatus", instance);
  const { data, error, refetch } = useRollout(instance, mayAsk);
  const alive = data?.Brokers.filter((b) => b.Alive) ?? [];
  const current = alive.filter((b) => b.Current).length;
  const refused = data?.State === "applied" && alive.some((b) => b.Rejected.length > 0); /* then not all of it is served */
  return (
    <Modal
      open
      width={720}
      title={t.domains.rollout}
      onCancel={close}
      footer={
        <Button type="primary" onClick={close}>
          {t.common.close}
        </Button>
      }
    >
      <Problem error={error} retry={() => void refetch()} />
      {!mayAsk && <Alert type="success" showIcon title={t.common.saved} />}
      {mayAsk && data === undefined && error === null && <Spin />}
      {data !== undefined && (
        <div aria-live="polite">
          <Alert type={refused ? "warning" : TYPES[data.State]} showIcon title={refused ? t.common.saved : t.common.rollout[data.State]} description={t.domains.revisionIs(data.Revision)} style={{ marginBlockEnd: 12 }} />
          {alive.length > 0 && <Progress percent={Math.floor((100 * current) / alive.length)} aria-label={t.domains.rollout} />}
          {data.Brokers.length > 0 && <Brokers of={data.Brokers} revision={data.Revision} />}
          <Refused of={data.Brokers} />
        </div>
      )}
    </Modal>
  );
}

function Brokers({ of, revision }: { of: RolloutBroker[]; revision: number }) {
  const t = useText();
  return (
    <Table<RolloutBroker>
      rowKey="NodeId"
      size="small"
      dataSource={of}
      pagination={{ pageSize: 10, hideOnSinglePage: true }}
      scroll={{ x: "max-content" }}
      columns={[
        { title: t.domains.broker, dataIndex: "NodeId" },
        { title: t.domains.serves, render: (_, b) => t.domains.revisionOf(b.AppliedRevision, revision) },
        {
          title: t.domains.state,
          render: (_, b) =>
            !b.Alive ? <State mood="neutral">{t.domains.silent}</State> : b.Current ? <State mood="good">{t.domains.current}</State> : <State mood="warning">{t.domains.behind}</State>,
        },
        { title: t.domains.seen, dataIndex: "SeenAt", render: (at: number) => <Ago at={at} /> },
      ]}
    />
  );
}

/* {"domain", "certificate", "error"}, each as far as it is known. */
function Refused({ of }: { of: RolloutBroker[] }) {
  const t = useText();
  const refused = of.filter((b) => b.Alive).flatMap((b) => b.Rejected.map((entry) => ({ node: b.NodeId, entry })));
  if (refused.length === 0) return null;
  return (
    <Alert
      type="error"
      showIcon
      style={{ marginBlockStart: 12 }}
      title={t.domains.refused(refused.length)}
      description={
        <Flex vertical gap={4} style={{ maxHeight: 240, overflow: "auto" }} role="list">
          {refused.map(({ node, entry: { error, ...named } }, n) => (
            <div key={n} role="listitem">
              <b>{Object.values(named).join(" · ")}</b>: {error} <Typography.Text type="secondary">({node})</Typography.Text>
            </div>
          ))}
        </Flex>
      }
    />
  );
}
