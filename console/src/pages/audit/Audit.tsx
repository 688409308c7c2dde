/* Who has changed what: filters, events, and what was before and after each. */
import { Button, DatePicker, Flex, Form, Input, Table, Typography } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { Link } from "react-router-dom";
import { useAuditEvents, type AuditEvent, type AuditSearch } from "../../api/audit";
import { ApiLink } from "../../components/ApiLink";
import { Long, State, Time, Who } from "../../components/format";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { Unseen } from "../../components/Unseen";
import { useText } from "../../i18n";
import { Change } from "./Change";

interface Filters {
  instance?: string;
  action?: string;
  key?: string;
  time?: [Dayjs | null, Dayjs | null] | null;
}

/* Only what is filled in. */
function searchOf(f: Filters): AuditSearch {
  const text = (typed: string | undefined) => (typed === undefined || typed.trim() === "" ? undefined : typed.trim());
  return { MqttInstanceId: text(f.instance), EventAction: text(f.action), UserAccessKeyId: text(f.key), StartTime: f.time?.[0]?.valueOf(), EndTime: f.time?.[1]?.endOf("second").valueOf() };
}

export default function Audit() {
  const t = useText();
  const [search, setSearch] = useState<AuditSearch>({});
  const events = useAuditEvents(search);
  const rows = events.data?.pages.flatMap((page) => page.Events) ?? [];
  return (
    <>
      <PageHead title={t.audit.title} note={t.audit.note} api={<ApiLink operation="ListAuditEvents" params={{ ...search }} />} />
      <Search find={setSearch} />
      <Problem error={events.error} retry={() => void events.refetch()} />
      <Table<AuditEvent>
        rowKey="EventId"
        size="small"
        loading={events.isPending}
        dataSource={rows}
        pagination={false}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: events.isError ? " " : t.audit.none }}
        expandable={{ columnTitle: <Unseen text={t.common.details} />, expandedRowRender: (e) => <Change of={e} /> }}
        columns={[
          { title: t.audit.time, dataIndex: "Time", render: (at: number) => <Time at={at} /> },
          { title: t.audit.action, dataIndex: "Action", render: (_, e) => <Action of={e} /> },
          { title: t.audit.resource, dataIndex: "Resource", render: (what: string) => <Long of={what} width={400} /> },
          { title: t.audit.instance, dataIndex: "MqttInstanceId", render: (id: string) => id !== "" && <Link to={`/instances/${id}`}>{id}</Link> },
          { title: t.audit.key, render: (_, e) => <Who accessKey={e.AccessKeyId} address={e.SourceIp} /> },
        ]}
      />
      {rows.length > 0 && (
        <Flex justify="center" style={{ marginBlockStart: 16 }}>
          {events.hasNextPage ? (
            <Button loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
              {t.audit.older}
            </Button>
          ) : (
            <Typography.Text type="secondary">{t.audit.end}</Typography.Text>
          )}
        </Flex>
      )}
    </>
  );
}

/* The sign-ins and sign-outs of the console are no operations. */
function Action({ of }: { of: AuditEvent }) {
  const t = useText();
  if (!of.Action.startsWith("Console")) return <Link to={`/explorer/${of.Action}`}>{of.Action}</Link>;
  return (
    <>
      {of.Action} {of.After?.["Result"] === "Refused" && <State mood="bad">{t.audit.refused}</State>}
    </>
  );
}

function Search({ find }: { find: (search: AuditSearch) => void }) {
  const t = useText();
  return (
    <Form<Filters> layout="inline" style={{ rowGap: 12, marginBlockEnd: 16 }} onFinish={(f) => find(searchOf(f))}>
      <Form.Item name="instance">
        <Input allowClear aria-label={t.audit.instance} placeholder={t.audit.instance} />
      </Form.Item>
      <Form.Item name="action">
        <Input allowClear aria-label={t.audit.action} placeholder={t.audit.action} />
      </Form.Item>
      <Form.Item name="key">
        <Input allowClear aria-label={t.audit.key} placeholder={t.audit.key} />
      </Form.Item>
      <Form.Item name="time" style={{ maxWidth: "100%" }}>
        <DatePicker.RangePicker showTime style={{ maxWidth: "100%" }} allowEmpty placeholder={[t.audit.from, t.audit.to]} />
      </Form.Item>
      <Button type="primary" htmlType="submit">
        {t.common.search}
      </Button>
    </Form>
  );
}
