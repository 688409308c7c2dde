/* The rows of a page of devices. */
import { Button, Space, Table, Typography } from "antd";
import { useMemo } from "react";
import { useKnownCas } from "../../api/ca";
import type { Device } from "../../api/device";
import { Ago, Long, State } from "../../components/format";
import { Serial } from "../../components/Serial";
import { useMay } from "../../api/session";
import { useText } from "../../i18n";
import { Expiry } from "../certificates/Expiry";
import type { Act, Action } from "./ActDialog";
import { useActions, useActionText } from "./ChosenBar";
import { deviceKey, deviceName, type Chosen } from "./chosen";

interface DeviceTableOf {
  id: string;
  rows: Device[];
  loading: boolean;
  empty: string;
  chosen: Chosen;
  choose: (chosen: Chosen) => void;
  show: (device: Device) => void;
  act: (act: Act) => void;
}

export function DeviceTable({ id, rows, loading, empty, chosen, choose, show, act }: DeviceTableOf) {
  const t = useText();
  const cas = useKnownCas(id);
  const nameOf = useMemo(() => new Map(cas.map((ca) => [ca.Sn, ca.CaName])), [cas]);
  const mayShow = useMay()("GetDeviceCertificate", id);
  const actions = useActions(id);
  return (
    <Table<Device>
      rowKey={deviceKey}
      size="small"
      loading={loading}
      dataSource={rows}
      pagination={false}
      scroll={{ x: "max-content" }}
      locale={{ emptyText: loading ? " " : <Typography.Text type="secondary">{empty}</Typography.Text> }}
      rowSelection={
        actions.length === 0
          ? undefined
          : {
              selectedRowKeys: (chosen.all ? rows : chosen.devices).map(deviceKey),
              preserveSelectedRowKeys: true,
              getTitleCheckboxProps: () => ({ "aria-label": t.devices.choosePage, disabled: chosen.all }),
              getCheckboxProps: (d) => ({ "aria-label": t.devices.choose(deviceName(d)), disabled: chosen.all }),
              onChange: (keys, picked) => choose({ all: false, devices: keptOf(keys, [...chosen.devices, ...picked]) }),
            }
      }
      columns={[
        { title: t.devices.name, dataIndex: "DeviceName", render: (name: string) => <Long of={name} width={200} /> },
        { title: t.devices.sn, dataIndex: "DeviceSn", render: (sn: string) => <Serial of={sn} /> },
        { title: t.devices.ca, dataIndex: "CaSn", render: (sn: string) => <Long of={nameOf.get(sn) ?? <Serial of={sn} />} /> },
        { title: t.devices.status, dataIndex: "Status", render: (_, d) => <DeviceState of={d} /> },
        { title: t.devices.connection, dataIndex: "Online", render: (_, d) => <Online of={d} /> },
        { title: t.devices.lastSeen, dataIndex: "LastSeenTime", render: (at: number) => <Ago at={at} /> },
        { title: t.devices.expires, dataIndex: "ValidEnd", render: (at: string) => <Expiry at={Number(at)} /> },
        {
          title: t.common.actions,
          hidden: !mayShow && actions.length === 0,
          render: (_, d) => (
            <Space size={0}>
              {mayShow && (
                <Button size="small" type="text" aria-label={t.devices.detailsOf(deviceName(d))} onClick={() => show(d)}>
                  {t.devices.details}
                </Button>
              )}
              <RowActions of={d} actions={actions} act={act} />
            </Space>
          ),
        },
      ]}
    />
  );
}

/* The chosen rows of other pages are not among the ones that the table knows. */
function keptOf(keys: readonly React.Key[], known: readonly (Device | undefined)[]): Device[] {
  const byKey = new Map(known.filter((d) => d !== undefined).map((d) => [deviceKey(d), d]));
  return keys.flatMap((key) => byKey.get(String(key)) ?? []);
}

function RowActions({ of, actions, act }: { of: Device; actions: Action[]; act: (act: Act) => void }) {
  const t = useText();
  const text = useActionText();
  const other: Action = of.Status === "1" ? "activate" : "inactivate";
  return actions
    .filter((action) => action !== other)
    .map((action) => (
      <Button key={action} size="small" type="text" danger={action === "delete"} aria-label={t.devices.actionOf(text(action), deviceName(of))} onClick={() => act({ action, of: [of], single: true })}>
        {text(action)}
      </Button>
    ));
}

export function DeviceState({ of }: { of: Device }) {
  const t = useText();
  return <State mood={of.Status === "1" ? "good" : "neutral"}>{of.Status === "1" ? t.common.active : t.common.inactive}</State>;
}

export function Online({ of }: { of: Device }) {
  const t = useText();
  if (of.Online === undefined) return <Typography.Text type="secondary">{t.devices.unknown}</Typography.Text>;
  return of.Online ? <State mood="good">{t.devices.online}</State> : <Typography.Text type="secondary">{t.devices.offline}</Typography.Text>;
}
