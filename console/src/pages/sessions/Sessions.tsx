/* Who is connected, and cutting one off. */
import { Alert, App, Button, Flex, Input, Switch, Table, Typography } from "antd";
import { useCallback, useState } from "react";
import { call } from "../../api/call";
import { useClients, type Client } from "../../api/clients";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { useAsk } from "../../components/ask";
import { Ago } from "../../components/format";
import { useLastPage } from "../../components/lastPage";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";

const EVERY_MS = 5_000;
const PAGE_SIZES = [20, 50, 100];

export default function Sessions() {
  const t = useText();
  const id = useInstanceId();
  const may = useMay();
  const cutOff = useCutOff(id);
  const [clientId, setClientId] = useState("");
  const [page, setPage] = useState({ PageNo: 1, PageSize: 20 });
  const [live, setLive] = useState(true);
  const search = { ...page, ClientId: clientId === "" ? undefined : clientId };
  const { data, error, isPending, refetch } = useClients(id, search, live ? EVERY_MS : false);
  const turn = useCallback((PageNo: number) => setPage((now) => ({ ...now, PageNo })), []);
  useLastPage(page.PageNo, page.PageSize, data?.Total, turn);
  const deaf = data !== undefined && !data.Brokers.some((b) => b.Answered);
  return (
    <>
      <PageHead title={t.sessions.title} note={t.sessions.note} api={<ApiLink operation="ListSessions" params={{ MqttInstanceId: id, ...search }} />} />
      <Problem error={error} retry={() => void refetch()} />
      {deaf && <Alert type="warning" showIcon title={t.sessions.noBroker} style={{ marginBlockEnd: 16 }} />}
      <Flex wrap gap={16} align="center" style={{ marginBlockEnd: 16 }}>
        <Input.Search
          allowClear
          aria-label={t.sessions.search}
          placeholder={t.sessions.search}
          style={{ maxWidth: 360 }}
          onSearch={(text) => {
            setClientId(text.trim());
            setPage({ ...page, PageNo: 1 });
          }}
        />
        <label>
          <Switch checked={live} onChange={setLive} aria-label={t.sessions.live} /> {t.sessions.live}
        </label>
        {data !== undefined && <Typography.Text aria-live="polite">{t.sessions.total(data.Total)}</Typography.Text>}
      </Flex>
      <Table<Client>
        rowKey="ClientId"
        size="small"
        loading={isPending}
        dataSource={data?.Sessions ?? []}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: error !== null ? " " : clientId === "" ? t.sessions.none : t.sessions.noneFound }}
        pagination={{
          current: page.PageNo,
          pageSize: page.PageSize,
          pageSizeOptions: PAGE_SIZES,
          showSizeChanger: true,
          total: data?.Total ?? 0,
          onChange: (PageNo, PageSize) => setPage({ PageNo, PageSize }),
        }}
        columns={[
          { title: t.sessions.clientId, dataIndex: "ClientId" },
          { title: t.sessions.address, dataIndex: "Address" },
          { title: t.sessions.listener, render: (_, c) => [c.Listener, c.Tls].filter((text) => text !== "").join(" · ") },
          { title: t.sessions.domain, dataIndex: "Domain" },
          { title: t.sessions.device, dataIndex: "DeviceSn" },
          { title: t.sessions.login, dataIndex: "AccessKeyId" },
          { title: t.sessions.since, dataIndex: "ConnectedAt", render: (at: number) => <Ago at={at} /> },
          {
            title: t.common.actions,
            hidden: !may("CloseConnection", id),
            render: (_, c) => (
              <Button size="small" danger aria-label={`${t.sessions.cut} ${c.ClientId}`} onClick={() => cutOff(c.ClientId)}>
                {t.sessions.cut}
              </Button>
            ),
          },
        ]}
      />
    </>
  );
}

function useCutOff(InstanceId: string) {
  const t = useText();
  const { message } = App.useApp();
  const ask = useAsk();
  return (ClientId: string) =>
    ask(
      t.sessions.cutTitle(ClientId),
      t.sessions.cutText,
      t.sessions.cut,
      async () => {
        await call("CloseConnection", { InstanceId, ClientId });
        message.success(t.sessions.cutDone(ClientId));
      },
      InstanceId,
    );
}
