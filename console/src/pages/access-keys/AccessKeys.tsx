/* The account's access keys: create, edit, disable, a new secret, delete. */
import { PlusOutlined } from "@ant-design/icons";
import { Button, Space, Table, Tag, Typography } from "antd";
import { useState } from "react";
import { useAccessKeys, type AccessKey } from "../../api/access-key";
import { useMay, useSession } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { Ago, Long, State } from "../../components/format";
import { useLastPage } from "../../components/lastPage";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { KeyForm } from "./KeyForm";
import { useKeyActions } from "./actions";

const PAGE = 50;

export default function AccessKeys() {
  const t = useText();
  const may = useMay();
  const [page, setPage] = useState(1);
  const [editing, setEditing] = useState<AccessKey | "new">();
  const { data, error, isPending, refetch } = useAccessKeys(page, PAGE);
  useLastPage(page, PAGE, data?.TotalCount, setPage);
  return (
    <>
      <PageHead
        title={t.accessKeys.title}
        note={t.accessKeys.note}
        actions={
          may("CreateAccessKey") && (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => setEditing("new")}>
              {t.accessKeys.create}
            </Button>
          )
        }
        api={<ApiLink operation="ListAccessKeys" />}
      />
      <Problem error={error} retry={() => void refetch()} />
      <Keys keys={data?.AccessKeys ?? []} loading={isPending} edit={setEditing} total={data?.TotalCount ?? 0} page={page} turn={setPage} />
      {editing !== undefined && <KeyForm of={editing} close={() => setEditing(undefined)} />}
    </>
  );
}

interface KeysTable {
  keys: AccessKey[];
  loading: boolean;
  total: number;
  page: number;
  turn: (page: number) => void;
  edit: (key: AccessKey) => void;
}

function Keys({ keys, loading, total, page, turn, edit }: KeysTable) {
  const t = useText();
  const { AccessKeyId } = useSession();
  const actions = useKeyActions(edit);
  return (
    <Table<AccessKey>
      rowKey="AccessKeyId"
      size="middle"
      loading={loading}
      dataSource={keys}
      pagination={{ current: page, pageSize: PAGE, total, onChange: turn, hideOnSinglePage: true }}
      scroll={{ x: "max-content" }}
      columns={[
        {
          title: t.accessKeys.id,
          dataIndex: "AccessKeyId",
          render: (id: string) => (
            <>
              <Typography.Text code>{id}</Typography.Text> {id === AccessKeyId && <Tag color="blue">{t.accessKeys.you}</Tag>}
            </>
          ),
        },
        { title: t.accessKeys.description, dataIndex: "Description", render: (text: string) => <Long of={text} width={200} /> },
        {
          title: t.accessKeys.state,
          dataIndex: "Status",
          render: (status: string) => <State mood={status === "Active" ? "good" : "neutral"}>{status === "Active" ? t.common.active : t.common.inactive}</State>,
        },
        { title: t.accessKeys.grants, dataIndex: "Grants", render: (_, key) => <Grants of={key} /> },
        { title: t.accessKeys.used, dataIndex: "LastUsedDate", render: (at: string) => <Ago at={at} /> },
        {
          title: t.common.actions,
          hidden: actions.length === 0,
          render: (_, key) => (
            <Space wrap size={4}>
              {actions.map((a) => (
                <Button key={a.name} size="small" type="text" danger={a.danger} aria-label={`${a.text(key)} ${key.AccessKeyId}`} onClick={() => a.run(key)}>
                  {a.text(key)}
                </Button>
              ))}
            </Space>
          ),
        },
      ]}
    />
  );
}

function Grants({ of }: { of: AccessKey }) {
  const t = useText();
  if (of.Grants.length === 0) return <Typography.Text type="secondary">{t.accessKeys.noGrants}</Typography.Text>;
  return (
    <Space wrap size={4} style={{ maxWidth: 230 }}>
      {of.Grants.map((g) => (
        <Tag key={`${g.Action} ${g.MqttInstanceId}`}>
          {g.Action} · {g.MqttInstanceId}
        </Tag>
      ))}
    </Space>
  );
}
