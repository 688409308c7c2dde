/* The revisions of an instance: what each changed, the difference of two, and back to one. */
import { Button, Flex, Table, Typography } from "antd";
import { useState } from "react";
import { useRevisions, type Revision } from "../../api/history";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { Long, State, Time, Who } from "../../components/format";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { Unseen } from "../../components/Unseen";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { DifferenceDrawer } from "./DifferenceDrawer";
import { Rollback } from "./Rollback";

const PAGE = 20;

export default function History() {
  const t = useText();
  const id = useInstanceId();
  const mayGoBack = useMay()("RollbackConfig", id);
  const [page, setPage] = useState(1);
  const [chosen, setChosen] = useState<number[]>([]);
  const [compared, setCompared] = useState<{ from: number; to: number }>();
  const [back, setBack] = useState<number>();
  const { data, error, isPending, refetch } = useRevisions(id, page, PAGE);
  const compare = () => setCompared({ from: Math.min(...chosen), to: Math.max(...chosen) });
  return (
    <>
      <PageHead title={t.history.title} note={t.history.note} api={<ApiLink operation="ListConfigRevisions" params={{ MqttInstanceId: id }} />} />
      <Problem error={error} retry={() => void refetch()} />
      <Flex wrap gap={12} align="center" style={{ marginBlockEnd: 16 }}>
        <Button type="primary" disabled={chosen.length !== 2} onClick={compare}>
          {t.history.compare}
        </Button>
        <Typography.Text type="secondary">{t.history.compareNote(chosen.length)}</Typography.Text>
      </Flex>
      <Table<Revision>
        rowKey="Revision"
        size="small"
        loading={isPending}
        dataSource={data?.Revisions ?? []}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: error === null ? t.history.none : " " }}
        pagination={{ current: page, pageSize: PAGE, total: data?.TotalCount ?? 0, onChange: setPage, showSizeChanger: false, hideOnSinglePage: true }}
        rowSelection={{
          selectedRowKeys: chosen,
          preserveSelectedRowKeys: true,
          hideSelectAll: true,
          columnTitle: <Unseen text={t.history.compare} />,
          getCheckboxProps: (r) => ({ "aria-label": `${t.history.revision} ${r.Revision}` }),
          onChange: (keys) => setChosen(keys.slice(-2).map(Number)),
        }}
        columns={[
          {
            title: t.history.revision,
            dataIndex: "Revision",
            render: (n: number) => (
              <>
                {n} {n === data?.CurrentRevision && <State mood="good">{t.history.current}</State>}
              </>
            ),
          },
          { title: t.history.time, dataIndex: "Time", render: (at: number) => <Time at={at} /> },
          { title: t.history.action, dataIndex: "Action" },
          {
            title: t.history.summary,
            render: (_, r) => (
              <Long
                width={320}
                of={
                  <>
                    {r.Summary} <Typography.Text type="secondary">{t.history.counts(r.DomainsAdded, r.DomainsRemoved, r.DomainsChanged)}</Typography.Text>
                  </>
                }
              />
            ),
          },
          { title: t.history.who, render: (_, r) => <Who accessKey={r.AccessKeyId} address={r.SourceIp} /> },
          {
            title: t.common.actions,
            render: (_, r) => (
              <Flex gap={4}>
                <Button size="small" type="text" aria-label={`${t.history.details} ${r.Revision}`} onClick={() => setCompared({ from: r.Revision - 1, to: r.Revision })}>
                  {t.history.details}
                </Button>
                {mayGoBack && r.Revision !== data?.CurrentRevision && (
                  <Button size="small" type="text" aria-label={`${t.history.rollback} ${r.Revision}`} onClick={() => setBack(r.Revision)}>
                    {t.history.rollback}
                  </Button>
                )}
              </Flex>
            ),
          },
        ]}
      />
      {compared !== undefined && <DifferenceDrawer instance={id} {...compared} close={() => setCompared(undefined)} />}
      {back !== undefined && <Rollback instance={id} revision={back} close={() => setBack(undefined)} />}
    </>
  );
}
