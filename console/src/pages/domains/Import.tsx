/* A whole SniConfig, pasted or from a file, into the draft. */
import { Alert, Button, Form, Modal, Progress, Radio, Table, Tag, Typography } from "antd";
import { useState } from "react";
import { PemInput } from "../../components/PemInput";
import { useText } from "../../i18n";
import { withChanges, withPasswords, type Draft } from "./draft";
import { parseSniConfig, type Parsed, type Wrong } from "./parse";
import type { Work } from "./work";

const SHOWN_CHARACTERS = 200_000; /* more than that is not shown in the field */

type Mode = "merge" | "replace";

function draftOf(work: Work, { entries }: Parsed, mode: Mode): Draft {
  const changes = new Map<string, string | null | undefined>();
  if (mode === "replace") for (const row of work.rows) changes.set(row.Domain, row.before === "" ? undefined : null);
  for (const e of entries) changes.set(e.domain, e.certificate);
  return withPasswords(withChanges(work.draft, changes), entries.filter((e) => e.password !== "").map((e) => [e.certificate, e.password] as const));
}

/* Against what is served. */
function effectOf(work: Work, { entries }: Parsed, mode: Mode) {
  const there = new Map(work.base.rows.map((r) => [r.Domain, r.CertIdentifier]));
  const effect = { added: 0, changed: 0, same: 0, removed: 0 };
  for (const e of entries) {
    const before = there.get(e.domain);
    effect[before === undefined ? "added" : before === e.certificate ? "same" : "changed"]++;
    there.delete(e.domain);
  }
  if (mode === "replace") effect.removed = there.size;
  return effect;
}

export function Import({ work, close }: { work: Work; close: () => void }) {
  const t = useText();
  const [text, setText] = useState("");
  const [mode, setMode] = useState<Mode>("merge");
  const [read, setRead] = useState<{ done: number; total: number }>();
  const [parsed, setParsed] = useState<Parsed>();

  async function check() {
    setRead({ done: 0, total: 1 });
    setParsed(await parseSniConfig(text, (done, total) => setRead({ done, total })));
    setRead(undefined);
  }
  function take(from: Parsed) {
    work.setDraft(draftOf(work, from, mode));
    close();
  }
  const good = parsed !== undefined && parsed.wrong.length === 0 && parsed.entries.length > 0;
  return (
    <Modal
      open
      width={760}
      title={t.domains.import}
      onCancel={close}
      footer={[
        <Button key="cancel" onClick={close}>
          {t.common.cancel}
        </Button>,
        parsed !== undefined && (
          <Button key="back" onClick={() => setParsed(undefined)}>
            {t.domains.back}
          </Button>
        ),
        <Button key="go" type="primary" disabled={parsed === undefined ? text.trim() === "" : !good} loading={read !== undefined} onClick={() => (parsed === undefined ? void check() : take(parsed))}>
          {parsed === undefined ? t.domains.read : t.domains.toDraft}
        </Button>,
      ]}
    >
      {parsed === undefined ? <Source text={text} setText={setText} mode={mode} setMode={setMode} /> : <Outcome work={work} of={parsed} mode={mode} />}
      {read !== undefined && <Progress percent={Math.floor((100 * read.done) / read.total)} aria-label={t.domains.readingText} />}
    </Modal>
  );
}

interface SourceOf {
  text: string;
  setText: (text: string) => void;
  mode: Mode;
  setMode: (mode: Mode) => void;
}

function Source({ text, setText, mode, setMode }: SourceOf) {
  const t = useText();
  return (
    <Form layout="vertical">
      <Typography.Paragraph type="secondary">{t.domains.importNote}</Typography.Paragraph>
      <Form.Item label={t.domains.text} htmlFor="sni-config">
        {text.length > SHOWN_CHARACTERS ? (
          <Tag closable onClose={() => setText("")}>
            {t.domains.long(text.length)}
          </Tag>
        ) : (
          <PemInput id="sni-config" label={t.domains.text} accept=".txt,.csv,.conf" placeholder="mqtt.example.com#12-cn-hangzhou;*.example.com#13-cn-hangzhou#password" value={text} onChange={setText} />
        )}
      </Form.Item>
      <Radio.Group aria-label={t.domains.mode} value={mode} onChange={(e) => setMode(e.target.value)} style={{ display: "flex", flexDirection: "column", gap: 8 }}>
        <Radio value="merge">{t.domains.merge}</Radio>
        <Radio value="replace">{t.domains.replace}</Radio>
      </Radio.Group>
    </Form>
  );
}

function Outcome({ work, of, mode }: { work: Work; of: Parsed; mode: Mode }) {
  const t = useText();
  if (of.wrong.length === 0) {
    const { added, changed, removed, same } = effectOf(work, of, mode);
    return <Alert type="success" showIcon title={t.domains.entries(of.entries.length)} description={t.domains.previewCounts(added, changed, removed, same)} />;
  }
  return (
    <>
      <Alert type="error" showIcon role="alert" title={t.domains.wrongEntries(of.wrong.length, of.wrong.length + of.entries.length)} description={t.domains.correct} style={{ marginBlockEnd: 12 }} />
      <Table<Wrong>
        rowKey="number"
        size="small"
        dataSource={of.wrong}
        pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
        scroll={{ x: "max-content" }}
        columns={[
          { title: t.domains.entry, dataIndex: "number" },
          { title: t.domains.domain, dataIndex: "text", render: (text: string) => (text === "" ? "–" : text) },
          { title: t.domains.problem, render: (_, w) => (typeof w.why === "string" ? t.domains.why[w.why] : t.domains.sameDomain(w.why.twin)) },
        ]}
      />
    </>
  );
}
