/* A page of the list; several can be chosen and deleted at once. */
import { Button, Empty, Flex, Table, Typography } from "antd";
import { Fragment, useState } from "react";
import type { Certificate } from "../../api/certificate";
import { useMay } from "../../api/session";
import { Long, State } from "../../components/format";
import { Letters } from "../../components/idn";
import { useText } from "../../i18n";
import { Expiry } from "./Expiry";

interface Shown {
  certificates: Certificate[];
  loading: boolean;
  page: { current: number; pageSize: number; total: number; onChange: (page: number) => void };
  empty: string;
  open: (id: string) => void;
  remove: (of: Certificate[]) => void;
}

const NAMES = 2;

export function CertificateTable({ certificates, loading, page, empty, open, remove }: Shown) {
  const t = useText();
  const may = useMay();
  const [selected, setSelected] = useState<string[]>([]);
  const mayDelete = may("DeleteUserCertificate");
  const mayOpen = may("GetCertificateDetail");
  const chosen = certificates.filter((c) => selected.includes(c.CertificateId));
  return (
    <>
      {chosen.length > 0 && (
        <Flex gap={8} align="center" style={{ marginBlockEnd: 12 }} role="group" aria-label={t.certificates.selected(chosen.length)}>
          <b>{t.certificates.selected(chosen.length)}</b>
          <Button size="small" danger onClick={() => remove(chosen)}>
            {t.certificates.deleteSelected}
          </Button>
        </Flex>
      )}
      <Table<Certificate>
        rowKey="CertificateId"
        loading={loading}
        dataSource={certificates}
        pagination={{ ...page, hideOnSinglePage: true, showSizeChanger: false }}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: <Empty description={empty} /> }}
        rowSelection={
          mayDelete
            ? {
                selectedRowKeys: selected,
                onChange: (keys) => setSelected(keys as string[]),
                getCheckboxProps: (c) => ({ "aria-label": t.certificates.select(c.CertificateName) }) as object,
                getTitleCheckboxProps: () => ({ "aria-label": t.certificates.selectPage }) as object,
              }
            : undefined
        }
        columns={[
          {
            title: t.certificates.name,
            render: (_, c) => (
              <>
                {mayOpen ? (
                  <Button type="link" aria-label={t.certificates.detailsOf(c.CertificateName)} style={{ display: "block", padding: 0, height: "auto", textAlign: "start" }} onClick={() => open(c.CertificateId)}>
                    <Long of={c.CertificateName} />
                  </Button>
                ) : (
                  <Long of={c.CertificateName} />
                )}
                <Typography.Text type="secondary">{c.CertIdentifier}</Typography.Text>
              </>
            ),
          },
          { title: t.certificates.domains, render: (_, c) => <Names of={c} /> },
          { title: t.certificates.validUntil, render: (_, c) => <Expiry at={c.NotAfter} /> },
          { title: t.certificates.key, render: (_, c) => `${c.Algorithm} ${c.KeySize}` },
          { title: t.certificates.issuer, dataIndex: "Issuer", render: (name: string) => <Long of={name} width={180} /> },
          { title: t.certificates.use, render: (_, c) => (c.UsingProductList.length > 0 ? <State mood="good">{t.certificates.used}</State> : <State mood="neutral">{t.certificates.unused}</State>) },
          {
            title: t.common.actions,
            hidden: !mayDelete,
            render: (_, c) => (
              <Button size="small" type="text" danger aria-label={`${t.common.delete} ${c.CertificateName}`} onClick={() => remove([c])}>
                {t.common.delete}
              </Button>
            ),
          },
        ]}
      />
    </>
  );
}

function Names({ of }: { of: Certificate }) {
  const t = useText();
  const names = of.Domain.split(",");
  return (
    <div style={{ maxWidth: 320, overflowWrap: "anywhere" }} title={of.Domain}>
      {names.slice(0, NAMES).map((name, n) => (
        <Fragment key={name}>
          {n > 0 && ", "}
          {name}
          <Letters of={name} />
        </Fragment>
      ))}
      {names.length > NAMES && <Typography.Text type="secondary"> {t.certificates.more(names.length - NAMES)}</Typography.Text>}
    </div>
  );
}
