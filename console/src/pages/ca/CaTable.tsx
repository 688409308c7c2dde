/* The rows of a page of CA certificates, each with the way to its devices. */
import { Button, Space, Table, Typography, type TablePaginationConfig } from "antd";
import { Link } from "react-router-dom";
import { useDeviceCount, type Ca } from "../../api/ca";
import { useMay } from "../../api/session";
import { Count, State, Time } from "../../components/format";
import { Serial } from "../../components/Serial";
import { useText } from "../../i18n";
import { Expiry } from "../certificates/Expiry";
import { OPERATIONS, type CaAction } from "./CaActDialog";

interface CaTableOf {
  id: string;
  rows: Ca[];
  loading: boolean;
  pagination: TablePaginationConfig;
  show: (sn: string) => void;
  act: (action: CaAction, ca: Ca) => void;
}

export function CaTable({ id, rows, loading, pagination, show, act }: CaTableOf) {
  const t = useText();
  const may = useMay();
  const words = useCaWords();
  const mayShow = may("GetCaCertificate", id);
  const actionsOf = (ca: Ca) => ([ca.Status === "1" ? "inactivate" : "activate", "delete"] as CaAction[]).filter((action) => may(OPERATIONS[action], id));
  return (
    <Table<Ca>
      rowKey="Sn"
      loading={loading}
      dataSource={rows}
      pagination={pagination}
      scroll={{ x: "max-content" }}
      locale={{ emptyText: loading ? " " : <Typography.Text type="secondary">{t.ca.none}</Typography.Text> }}
      columns={[
        { title: t.ca.name, dataIndex: "CaName" },
        { title: t.ca.sn, dataIndex: "Sn", render: (sn: string) => <Serial of={sn} /> },
        { title: t.ca.state, dataIndex: "Status", render: (_, ca) => <CaState of={ca} /> },
        { title: t.ca.validity, render: (_, ca) => <Validity of={ca} /> },
        { title: t.ca.devices, render: (_, ca) => <Devices id={id} of={ca} /> },
        {
          title: t.common.actions,
          hidden: !mayShow && rows.every((ca) => actionsOf(ca).length === 0),
          render: (_, ca) => (
            <Space size={0}>
              {mayShow && (
                <Button size="small" type="text" aria-label={t.ca.detailsOf(ca.CaName)} onClick={() => show(ca.Sn)}>
                  {t.ca.details}
                </Button>
              )}
              {actionsOf(ca).map((action) => (
                <Button key={action} size="small" type="text" danger={action === "delete"} aria-label={t.ca.actionOf(words[action], ca.CaName)} onClick={() => act(action, ca)}>
                  {words[action]}
                </Button>
              ))}
            </Space>
          ),
        },
      ]}
    />
  );
}

export function useCaWords(): Record<CaAction, string> {
  const t = useText();
  return { activate: t.ca.activate, inactivate: t.ca.inactivate, delete: t.common.delete };
}

export function CaState({ of }: { of: Pick<Ca, "Status"> }) {
  const t = useText();
  return <State mood={of.Status === "1" ? "good" : "neutral"}>{of.Status === "1" ? t.common.active : t.common.inactive}</State>;
}

export function Validity({ of }: { of: Ca }) {
  return (
    <span style={{ whiteSpace: "nowrap" }}>
      <Time at={of.ValidBegin} date /> – <Expiry at={Number(of.ValidEnd)} />
    </span>
  );
}

function Devices({ id, of }: { id: string; of: Ca }) {
  const t = useText();
  const may = useMay();
  const { data } = useDeviceCount(id, of.Sn);
  if (!may("SearchDeviceCertificate", id)) return <Count of={data} />;
  return (
    <Link to={`/instances/${id}/devices?ca=${of.Sn}`} aria-label={`${t.ca.devicesOf(of.CaName)}: ${data ?? "–"}`}>
      <Count of={data} />
    </Link>
  );
}
