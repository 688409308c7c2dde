/* Every domain and its certificate, searched and filtered at once; a page at a time, however many there are. */
import { Button, Empty, Flex, Input, Segmented, Table, Tag, Typography } from "antd";
import { useDeferredValue, useMemo, useState } from "react";
import { useMay } from "../../api/session";
import { Letters, lettersOf } from "../../components/idn";
import { useText, type Texts } from "../../i18n";
import { Expiry } from "../certificates/Expiry";
import { withChanges, type Row } from "./draft";
import { ChangeTag, Remarks } from "./Remarks";
import type { Work } from "./work";

type Filter = "all" | "changed" | "problems" | "warnings";

const PAGE = 50;

const KEEPS: Record<Filter, (row: Row) => boolean> = {
  all: () => true,
  changed: (r) => r.change !== "same",
  problems: (r) => (r.report?.Problems.length ?? 0) > 0,
  warnings: (r) => (r.report?.Warnings.length ?? 0) > 0,
};

function found(row: Row, text: string): boolean {
  return row.Domain.includes(text) || lettersOf(row.Domain)?.includes(text) || row.CertIdentifier.startsWith(text) || row.name.toLowerCase().includes(text);
}

interface Shown {
  work: Work;
  mayChange: boolean;
  edit: (rows: Row[]) => void;
  verify: (domain: string) => void;
}

export function DomainTable({ work, mayChange, edit, verify }: Shown) {
  const t = useText();
  const [typed, setTyped] = useState("");
  const [filter, setFilter] = useState<Filter>("all");
  const [page, setPage] = useState(1);
  const [selected, setSelected] = useState<string[]>([]);
  const text = useDeferredValue(typed.trim().toLowerCase());
  const { rows } = work;
  const counts = useMemo(() => Object.fromEntries(Object.entries(KEEPS).map(([name, keeps]) => [name, rows.filter(keeps).length])) as Record<Filter, number>, [rows]);
  const keeps = counts[filter] === 0 ? "all" : filter; /* what was filtered for may be gone */
  const shown = useMemo(() => rows.filter((r) => KEEPS[keeps](r) && (text === "" || found(r, text))), [rows, keeps, text]);
  const filters = (["all", "changed", "problems", "warnings"] as const).filter((f) => f === "all" || counts[f] > 0);
  const columns = useColumns({ work, mayChange, edit, verify });
  return (
    <>
      <Flex wrap gap={12} align="center" style={{ marginBlockEnd: 12 }}>
        <Input
          type="search"
          allowClear
          aria-label={t.domains.search}
          placeholder={t.domains.search}
          value={typed}
          onChange={(e) => {
            setTyped(e.target.value);
            setPage(1);
          }}
          style={{ maxWidth: 320 }}
        />
        {filters.length > 1 && (
          <Segmented<Filter>
            aria-label={t.domains.filter}
            value={keeps}
            options={filters.map((value) => ({ value, label: t.domains.filters[value](counts[value]) }))}
            onChange={(value) => {
              setFilter(value);
              setPage(1);
            }}
          />
        )}
        <Typography.Text type="secondary" aria-live="polite">
          {t.domains.shown(shown.length, rows.length)}
        </Typography.Text>
      </Flex>
      {selected.length > 0 && <Selected work={work} selected={selected} select={setSelected} shown={shown} edit={edit} />}
      <Table<Row>
        rowKey="Domain"
        size="middle"
        dataSource={shown}
        columns={columns}
        scroll={{ x: "max-content" }}
        pagination={{ current: page, pageSize: PAGE, onChange: setPage, hideOnSinglePage: true, showSizeChanger: false }}
        rowSelection={
          mayChange
            ? {
                selectedRowKeys: selected,
                preserveSelectedRowKeys: true,
                onChange: (keys) => setSelected(keys as string[]),
                getCheckboxProps: (r) => ({ "aria-label": t.domains.select(r.Domain) }) as object,
                getTitleCheckboxProps: () => ({ "aria-label": t.domains.selectPage }) as object,
              }
            : undefined
        }
        locale={{ emptyText: <Empty description={rows.length === 0 ? t.domains.none : t.domains.noneFound} /> }}
      />
    </>
  );
}

interface Selection {
  work: Work;
  selected: string[];
  select: (domains: string[]) => void;
  shown: Row[];
  edit: (rows: Row[]) => void;
}

function Selected({ work, selected, select, shown, edit }: Selection) {
  const t = useText();
  const rows = useMemo(() => {
    const chosen = new Set(selected);
    return work.rows.filter((r) => chosen.has(r.Domain));
  }, [work.rows, selected]);
  const wish = (to: (row: Row) => string | null | undefined) => {
    work.setDraft(withChanges(work.draft, rows.map((r) => [r.Domain, to(r)] as const)));
    select([]);
  };
  const live = rows.filter((r) => r.change !== "removed");
  return (
    <Flex wrap gap={8} align="center" style={{ marginBlockEnd: 12 }} role="group" aria-label={t.domains.selected(rows.length)}>
      <b>{t.domains.selected(rows.length)}</b>
      {shown.length > rows.length && (
        <Button size="small" type="link" onClick={() => select(shown.map((r) => r.Domain))}>
          {t.domains.selectAll(shown.length)}
        </Button>
      )}
      <Button size="small" disabled={live.length === 0} onClick={() => edit(live)}>
        {t.domains.setCertificate}
      </Button>
      <Button size="small" danger disabled={live.length === 0} onClick={() => wish(removalOf)}>
        {t.domains.removeSelected}
      </Button>
      <Button size="small" disabled={rows.every((r) => r.change === "same")} onClick={() => wish(() => undefined)}>
        {t.domains.undoSelected}
      </Button>
      <Button size="small" type="text" onClick={() => select([])}>
        {t.domains.selectNone}
      </Button>
    </Flex>
  );
}

/* A row that only the draft has goes with the draft. */
function removalOf(row: Row): null | undefined {
  return row.before === "" ? undefined : null;
}

function useColumns({ work, mayChange, edit, verify }: Shown) {
  const t = useText();
  const mayVerify = useMay()("VerifyDomain", work.instance);
  const wish = (row: Row, to: string | null | undefined) => work.setDraft(withChanges(work.draft, [[row.Domain, to]]));
  return [
    { title: t.domains.domain, key: "domain", render: (_: unknown, r: Row) => <DomainCell of={r} t={t} /> },
    { title: t.domains.certificate, key: "certificate", render: (_: unknown, r: Row) => <CertificateCell of={r} t={t} /> },
    { title: t.domains.validUntil, key: "validUntil", render: (_: unknown, r: Row) => (r.NotAfter === undefined ? "–" : <Expiry at={r.NotAfter} />) },
    {
      title: t.common.actions,
      key: "actions",
      hidden: !mayChange && !mayVerify,
      render: (_: unknown, r: Row) => (
        <Flex gap={4}>
          {mayVerify && r.change !== "added" && <Action text={t.verify.verify} label={t.verify.verifyOf(r.Domain)} run={() => verify(r.Domain)} />}
          {mayChange && r.change !== "removed" && <Action text={t.common.edit} label={`${t.common.edit} ${r.Domain}`} run={() => edit([r])} />}
          {mayChange && (r.change === "same" || r.change === "changed") && <Action text={t.common.remove} label={`${t.common.remove} ${r.Domain}`} danger run={() => wish(r, null)} />}
          {mayChange && r.change !== "same" && <Action text={t.domains.undo} label={`${t.domains.undo} ${r.Domain}`} run={() => wish(r, undefined)} />}
        </Flex>
      ),
    },
  ];
}

function Action({ text, label, danger = false, run }: { text: string; label: string; danger?: boolean; run: () => void }) {
  return (
    <Button size="small" type="text" danger={danger} aria-label={label} onClick={run}>
      {text}
    </Button>
  );
}

function DomainCell({ of, t }: { of: Row; t: Texts }) {
  return (
    <>
      <Flex gap={8} align="center">
        <Typography.Text delete={of.change === "removed"}>{of.Domain}</Typography.Text>
        <Letters of={of.Domain} />
        {of.Domain.startsWith("*.") && <Tag color="blue">{t.domains.wildcard}</Tag>}
        <ChangeTag of={of.change} />
      </Flex>
      <Remarks of={of.report} />
    </>
  );
}

function CertificateCell({ of, t }: { of: Row; t: Texts }) {
  return (
    <Flex vertical>
      {of.name !== "" && <span>{of.name}</span>}
      <span style={{ whiteSpace: "nowrap" }}>
        {of.change === "changed" && (
          <>
            <Typography.Text delete type="secondary" aria-label={t.domains.before(of.before)}>
              {of.before}
            </Typography.Text>{" "}
            →{" "}
          </>
        )}
        <Typography.Text type={of.name === "" ? undefined : "secondary"} delete={of.change === "removed"}>
          {of.CertIdentifier}
        </Typography.Text>
      </span>
    </Flex>
  );
}
