/* Changes that are wanted and not yet applied. SetSniConfig takes the whole configuration, so what is sent is what was read
 * with the draft on top. */
import type { Known } from "../../api/certificate";
import type { ReportRow, SniConfig, SniRow } from "../../api/sni";

export interface Draft {
  changes: ReadonlyMap<string, string | null>; /* domain → CertIdentifier; null: to be removed */
  defaultCertificate: string | undefined; /* undefined: as it is */
  passwords: ReadonlyMap<string, string>; /* CertIdentifier → of its private key. A key has one, whatever the domain */
}

export const NO_DRAFT: Draft = { changes: new Map(), defaultCertificate: undefined, passwords: new Map() };

export type Change = "same" | "added" | "changed" | "removed";

export interface Row {
  Domain: string;
  CertIdentifier: string;
  change: Change;
  before: string; /* CertIdentifier that is served; "": none */
  NotAfter: number | undefined;
  name: string; /* of the certificate; "" when it is not known */
  report: ReportRow | undefined;
}

export function byDomain(a: { Domain: string }, b: { Domain: string }): number {
  return a.Domain < b.Domain ? -1 : a.Domain > b.Domain ? 1 : 0;
}

function changeOf(before: string, after: string | null | undefined): Change {
  if (after === undefined || after === before) return "same";
  return after === null ? "removed" : "changed";
}

function rowOf(base: SniRow, after: string | null | undefined, known: Record<string, Known>): Row {
  const CertIdentifier = after ?? base.CertIdentifier;
  const same = CertIdentifier === base.CertIdentifier;
  const certificate = known[CertIdentifier];
  return {
    Domain: base.Domain,
    CertIdentifier,
    change: changeOf(base.CertIdentifier, after),
    before: base.CertIdentifier,
    NotAfter: same ? base.NotAfter : certificate?.NotAfter,
    name: certificate?.CertificateName ?? "",
    report: undefined,
  };
}

/* What is there and what the draft adds, in the order of their domains. */
export function rowsOf(base: SniConfig, draft: Draft, known: Record<string, Known>): Row[] {
  const there = new Set(base.rows.map((r) => r.Domain));
  const rows = base.rows.map((r) => rowOf(r, draft.changes.get(r.Domain), known));
  for (const [Domain, CertIdentifier] of draft.changes)
    if (CertIdentifier !== null && !there.has(Domain))
      rows.push({
        Domain,
        CertIdentifier,
        change: "added",
        before: "",
        NotAfter: known[CertIdentifier]?.NotAfter,
        name: known[CertIdentifier]?.CertificateName ?? "",
        report: undefined,
      });
  return rows.sort(byDomain);
}

export function defaultOf(base: SniConfig, draft: Draft): string {
  return draft.defaultCertificate ?? base.DefaultCertificate;
}

export type Counts = Record<Change, number>;

export function countsOf(rows: readonly Row[]): Counts {
  const counts: Counts = { same: 0, added: 0, changed: 0, removed: 0 };
  for (const row of rows) counts[row.change]++;
  return counts;
}

/* With these domains on these certificates (null: removed, undefined: as it was before the draft). */
export function withChanges(draft: Draft, changes: Iterable<readonly [string, string | null | undefined]>): Draft {
  const next = new Map(draft.changes);
  for (const [domain, wanted] of changes)
    if (wanted === undefined) next.delete(domain);
    else next.set(domain, wanted);
  return { ...draft, changes: next };
}

/* "": the key is not encrypted. */
export function withPasswords(draft: Draft, passwords: Iterable<readonly [string, string]>): Draft {
  const next = new Map(draft.passwords);
  for (const [certificate, password] of passwords)
    if (password === "") next.delete(certificate);
    else next.set(certificate, password);
  return { ...draft, passwords: next };
}

function remaining(rows: readonly Row[]): Row[] {
  return rows.filter((r) => r.change !== "removed");
}

/* Certificates that are served with a password now, and stay: the API never gives a password back, and takes the whole
 * configuration only, so each must be given again. */
export function passwordsMissing(base: SniConfig, rows: readonly Row[], draft: Draft): string[] {
  const encrypted = new Set(base.rows.filter((r) => r.HasPassword).map((r) => r.CertIdentifier));
  if (encrypted.size === 0) return [];
  const used = new Set(remaining(rows).map((r) => r.CertIdentifier));
  return [...encrypted].filter((c) => used.has(c) && !draft.passwords.has(c));
}

export interface Sent {
  domains: string[]; /* domains[n] is entry n + 1 */
  text: string;
}

export function entryText(domain: string, certificate: string, password: string | undefined): string {
  return password === undefined || password === "" ? `${domain}#${certificate}` : `${domain}#${certificate}#${password}`;
}

export function sentOf(rows: readonly Row[], draft: Draft): Sent {
  const kept = remaining(rows);
  return {
    domains: kept.map((r) => r.Domain),
    text: kept.map((r) => entryText(r.Domain, r.CertIdentifier, draft.passwords.get(r.CertIdentifier))).join(";"),
  };
}

export interface Moved {
  Domain: string;
  before: string; /* "": it was not there */
  after: string; /* "": it is not there any more */
}

/* What somebody else has changed between two readings. */
export function movedBetween(before: SniConfig, after: SniConfig): Moved[] {
  const old = new Map(before.rows.map((r) => [r.Domain, r.CertIdentifier]));
  const moved: Moved[] = [];
  for (const { Domain, CertIdentifier } of after.rows) {
    if (old.get(Domain) !== CertIdentifier) moved.push({ Domain, before: old.get(Domain) ?? "", after: CertIdentifier });
    old.delete(Domain);
  }
  for (const [Domain, CertIdentifier] of old) moved.push({ Domain, before: CertIdentifier, after: "" });
  return moved.sort(byDomain);
}
