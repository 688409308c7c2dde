/* The work on an instance's domains: what is served, the draft on top of it, its preview, and the way into force. */
import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { ApiError } from "../../api/call";
import { useKnownCertificates } from "../../api/certificate";
import { useChanged } from "../../api/instance";
import { DRAFT } from "../../api/session";
import { previewSniConfig, revisionNow, setSniConfig, type Report, type ReportRow, type SniConfig } from "../../api/sni";
import { countsOf, defaultOf, movedBetween, NO_DRAFT, passwordsMissing, rowsOf, sentOf, type Counts, type Draft, type Moved, type Row } from "./draft";

const LOOKS = 3;

/* Kept while another page is looked at, and for who signs in again with the same key; its passwords are gone when the session is. */
function useDraft(instance: string) {
  const queries = useQueryClient();
  const key = [DRAFT, "domains", instance];
  const secret = ["passwords of the draft", instance];
  const read = (): Draft => ({ ...(queries.getQueryData<Draft>(key) ?? NO_DRAFT), passwords: queries.getQueryData<Draft["passwords"]>(secret) ?? NO_DRAFT.passwords });
  const [draft, set] = useState(read);
  function setDraft(next: Draft) {
    for (const kept of [key, secret]) queries.setQueryDefaults(kept, { gcTime: Infinity });
    if (next.changes.size === 0 && next.defaultCertificate === undefined) queries.removeQueries({ queryKey: key });
    else queries.setQueryData(key, { ...next, passwords: NO_DRAFT.passwords });
    queries.setQueryData(secret, next.passwords);
    set(next);
  }
  /* What has come to it since it was sent stays. */
  function sent(what: Draft) {
    const now = read();
    setDraft(now.changes === what.changes && now.defaultCertificate === what.defaultCertificate ? NO_DRAFT : now);
  }
  return { draft, setDraft, sent };
}

export interface Checked {
  report: Report;
  ofDefault: ReportRow | undefined;
  general: string[]; /* problems of no entry that is shown */
}

interface Preview extends Checked {
  byDomain: Map<string, ReportRow>;
  of: readonly [Draft, SniConfig["rows"], string]; /* it is worth nothing for anything else */
}

function previewOf(report: Report, domains: string[], of: Preview["of"]): Preview {
  const byDomain = new Map<string, ReportRow>();
  const general: string[] = [];
  let ofDefault: ReportRow | undefined;
  for (const row of report.Report) {
    const domain = domains[row.Entry - 1];
    if (row.Entry === 0) ofDefault = row;
    else if (domain !== undefined) byDomain.set(domain, row);
    else general.push(...row.Problems);
  }
  return { report, ofDefault, general, byDomain, of };
}

export interface MovedBy {
  from: number;
  to: number;
  domains: Moved[];
}

export type Busy = "previewing" | "applying" | undefined;

export interface Work {
  instance: string;
  base: SniConfig;
  draft: Draft;
  setDraft: (draft: Draft) => void;
  rows: Row[];
  counts: Counts;
  defaultCertificate: string;
  defaultChanged: boolean;
  changed: boolean; /* something is to be applied */
  checked: Checked | undefined; /* of exactly this draft */
  busy: Busy;
  error: unknown;
  asked: string[]; /* certificates whose passwords are needed */
  moved: MovedBy | undefined;
  rollout: boolean;
  preview: (draft?: Draft) => Promise<void>;
  apply: () => Promise<void>;
  answered: () => void; /* whatever dialog is open has been read */
}

export function useWork(instance: string, base: SniConfig, reload: () => Promise<SniConfig | undefined>): Work {
  const changed = useChanged();
  const known = useKnownCertificates();
  const { draft, setDraft, sent: draftSent } = useDraft(instance);
  const [preview, setPreview] = useState<Preview>();
  const [busy, setBusy] = useState<Busy>();
  const [error, setError] = useState<unknown>(null);
  const [asked, setAsked] = useState<string[]>([]);
  const [moved, setMoved] = useState<MovedBy>();
  const [rollout, setRollout] = useState(false);

  const plain = useMemo(() => rowsOf(base, draft, known), [base, draft, known]);
  const fresh = preview !== undefined && preview.of[0] === draft && preview.of[1] === base.rows && preview.of[2] === base.DefaultCertificate;
  const checked = fresh ? preview : undefined;
  const rows = useMemo(() => (checked === undefined ? plain : plain.map((r) => withReport(r, checked))), [plain, checked]);
  const counts = useMemo(() => countsOf(plain), [plain]);
  const defaultCertificate = defaultOf(base, draft);
  const defaultChanged = defaultCertificate !== base.DefaultCertificate;

  async function during(what: Busy, work: () => Promise<void>) {
    setBusy(what);
    setError(null);
    try {
      await work();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(undefined);
    }
  }

  function wanted(of: Draft) {
    const sent = sentOf(plain, of);
    return { sent, params: { MqttInstanceId: instance, DefaultCertificate: defaultOf(base, of), SniConfig: sent.text } };
  }

  async function look(of: Draft = draft) {
    const missing = passwordsMissing(base, plain, of);
    setAsked(missing);
    if (missing.length > 0) return;
    await during("previewing", async () => {
      const other = (await movedMeanwhile()).moved;
      setMoved(other);
      if (other !== undefined) return;
      const { sent, params } = wanted(of);
      setPreview(previewOf(await previewSniConfig(params), sent.domains, [of, base.rows, base.DefaultCertificate]));
    });
  }

  /* Another revision is no reason to stop, unless it has other domains. */
  async function movedMeanwhile(): Promise<{ revision: number; moved?: MovedBy }> {
    if ((await revisionNow(instance)) === base.Revision) return { revision: base.Revision };
    const now = await reload();
    if (now === undefined) throw new Error("The configuration cannot be read anew.");
    const domains = movedBetween(base, now);
    if (base.DefaultCertificate !== now.DefaultCertificate) domains.unshift({ Domain: "", before: base.DefaultCertificate, after: now.DefaultCertificate });
    return { revision: now.Revision, ...(domains.length > 0 && { moved: { from: base.Revision, to: now.Revision, domains } }) };
  }

  /* Who changes it between the look and the change makes it look again. */
  async function sentUnlessMoved(): Promise<boolean> {
    for (let n = 1; ; n++) {
      const { revision, moved: other } = await movedMeanwhile();
      setMoved(other);
      if (other !== undefined) return false;
      try {
        await setSniConfig({ ...wanted(draft).params, ExpectedRevision: revision });
        return true;
      } catch (e) {
        if (n === LOOKS || !(e instanceof ApiError) || e.code !== "ConfigRevisionChanged") throw e;
      }
    }
  }

  async function apply() {
    await during("applying", async () => {
      if (!(await sentUnlessMoved())) return;
      setRollout(true);
      await changed(instance);
      draftSent(draft);
    });
  }

  return {
    ...{ instance, base, draft, setDraft, rows, counts, defaultCertificate, defaultChanged },
    ...{ checked, busy, error, asked, moved, rollout, preview: look, apply },
    changed: counts.added + counts.changed + counts.removed > 0 || defaultChanged,
    answered: () => {
      setAsked([]);
      setMoved(undefined);
      setRollout(false);
    },
  };
}

function withReport(row: Row, { byDomain }: Preview): Row {
  const report = row.change === "removed" ? undefined : byDomain.get(row.Domain);
  return report === undefined ? row : { ...row, report, NotAfter: row.NotAfter ?? report.NotAfter };
}
