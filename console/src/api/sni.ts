/* Which domain is served with which certificate: GetSniConfig, SetSniConfig, GetRolloutStatus. */
import { useQuery } from "@tanstack/react-query";
import { call, callWithRollout, type Answer } from "./call";
import type { RejectedEntry } from "./broker";

export interface SniRow {
  Domain: string;
  CertIdentifier: string;
  CertId: number;
  HasPassword: boolean;
  NotAfter: number;
}

export interface SniConfig {
  Revision: number;
  DefaultCertificate: string; /* "" before the first SetSniConfig */
  rows: SniRow[];
}

interface Page extends Answer {
  Revision: number;
  DefaultCertificate: string;
  SniConfig: SniRow[];
  TotalCount: number;
}

export type Told = (done: number, total: number) => void;

const PAGE = 1000;
const AT_ONCE = 4;
const READINGS = 5;

function page(MqttInstanceId: string, CurrentPage: number, PageSize: number, signal?: AbortSignal): Promise<Page> {
  return call<Page>("GetSniConfig", { MqttInstanceId, CurrentPage, PageSize }, signal);
}

/* All pages of one revision; undefined when it changed in between. */
async function readOnce(instance: string, told: Told, signal?: AbortSignal): Promise<SniConfig | undefined> {
  const first = await page(instance, 1, PAGE, signal);
  const count = Math.ceil(first.TotalCount / PAGE);
  const rows = [...first.SniConfig];
  told(rows.length, first.TotalCount);
  for (let from = 2; from <= count; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - from + 1) }, (_, n) => from + n);
    for (const next of await Promise.all(numbers.map((n) => page(instance, n, PAGE, signal)))) {
      if (next.Revision !== first.Revision) return undefined;
      rows.push(...next.SniConfig);
    }
    told(rows.length, first.TotalCount);
  }
  return { Revision: first.Revision, DefaultCertificate: first.DefaultCertificate, rows };
}

async function readAll(instance: string, told: Told, signal?: AbortSignal): Promise<SniConfig> {
  for (let n = 0; n < READINGS; n++) {
    const found = await readOnce(instance, told, signal);
    if (found !== undefined) return found;
  }
  throw new Error("The configuration changes faster than it can be read.");
}

export function useSniConfig(MqttInstanceId: string, told: Told) {
  return useQuery({
    queryKey: [MqttInstanceId, "GetSniConfig"],
    queryFn: ({ signal }) => readAll(MqttInstanceId, told, signal),
  });
}

export async function revisionNow(instance: string): Promise<number> {
  return (await page(instance, 1, 1)).Revision;
}

export interface Wanted {
  ExpectedRevision?: number; /* what the change was made for: another one is refused */
  MqttInstanceId: string;
  DefaultCertificate: string;
  SniConfig: string;
}

export interface ReportRow {
  Entry: number; /* in SniConfig, from 1; 0 is the default certificate */
  Domain: string;
  CertIdentifier: string;
  NotAfter?: number; /* missing when there is no such certificate */
  Problems: string[];
  Warnings: string[];
}

export interface Report extends Answer {
  Success: string;
  Added: number;
  Removed: number;
  Changed: number;
  Unchanged: number;
  ProblemCount: number;
  WarningCount: number;
  Report: ReportRow[];
}

export function previewSniConfig(wanted: Wanted): Promise<Report> {
  return call<Report>("SetSniConfig", { ...wanted, DryRun: true });
}

export async function setSniConfig(wanted: Wanted): Promise<string | null> {
  return (await callWithRollout("SetSniConfig", { ...wanted })).rollout;
}

export interface RolloutBroker {
  NodeId: string;
  AppliedRevision: number;
  Current: boolean;
  Alive: boolean;
  SeenAt: number;
  Rejected: RejectedEntry[];
}

interface Rollout extends Answer {
  Revision: number;
  State: "applied" | "pending" | "none";
  Brokers: RolloutBroker[];
}

const EVERY_MS = 500;

/* Asked for again until every living broker serves the revision. */
export function useRollout(MqttInstanceId: string, enabled: boolean) {
  return useQuery<Rollout>({
    queryKey: [MqttInstanceId, "GetRolloutStatus"],
    enabled,
    staleTime: 0,
    gcTime: 0, /* what was applied before is not shown as this */
    refetchInterval: (query) => (query.state.data?.State === "pending" ? EVERY_MS : false),
    queryFn: ({ signal }) => call<Rollout>("GetRolloutStatus", { MqttInstanceId }, signal),
  });
}
