/* What one revision has otherwise than another. */
import { Alert, Drawer, Empty, Spin, Table, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { differenceOf, type Difference, type DomainChange } from "../../api/history";
import { Problem } from "../../components/Problem";
import { State } from "../../components/format";
import { useText } from "../../i18n";

const APART_MAX = 500;

export function DifferenceDrawer({ instance, from, to, close }: { instance: string; from: number; to: number; close: () => void }) {
  const t = useText();
  const [done, setDone] = useState(0);
  const near = to - from <= APART_MAX;
  const found = useQuery({
    queryKey: [instance, "difference", from, to],
    enabled: near,
    queryFn: ({ signal }) => differenceOf(instance, from, to, setDone, signal),
  });
  return (
    <Drawer open title={t.history.difference(from, to)} size={720} onClose={close}>
      <Problem error={found.error} retry={() => void found.refetch()} />
      {!near && <Alert type="warning" showIcon title={t.history.tooFar(APART_MAX)} />}
      {found.isLoading && (
        <Typography.Paragraph aria-live="polite">
          <Spin size="small" /> {t.history.reading(done, to - from)}
        </Typography.Paragraph>
      )}
      {found.data !== undefined && <Shown of={found.data} />}
    </Drawer>
  );
}

function Shown({ of }: { of: Difference }) {
  const t = useText();
  const sameDefault = of.defaultBefore === of.defaultAfter;
  if (sameDefault && of.changes.length === 0) return <Empty description={t.history.same} />;
  const shown = (identifier: string) => (identifier === "" ? <Typography.Text type="secondary">{t.history.notThere}</Typography.Text> : <Typography.Text code>{identifier}</Typography.Text>);
  return (
    <>
      {!sameDefault && (
        <Typography.Paragraph>
          {t.history.defaultCertificate}: {shown(of.defaultBefore)} → {shown(of.defaultAfter)}
        </Typography.Paragraph>
      )}
      <Table<DomainChange>
        rowKey="Domain"
        size="small"
        dataSource={of.changes}
        pagination={{ defaultPageSize: 50, hideOnSinglePage: true }}
        scroll={{ x: "max-content" }}
        columns={[
          { title: t.history.domain, render: (_, c) => <><Sign of={c} /> {c.Domain}</> },
          { title: t.history.before, dataIndex: "CertIdentifierBefore", render: shown },
          { title: t.history.after, dataIndex: "CertIdentifierAfter", render: shown },
        ]}
      />
    </>
  );
}

function Sign({ of }: { of: DomainChange }) {
  if (of.CertIdentifierBefore === "") return <State mood="good">+</State>;
  return of.CertIdentifierAfter === "" ? <State mood="bad">−</State> : <State mood="warning">±</State>;
}
