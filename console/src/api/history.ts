/* Revisions of an instance's configuration. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";

export interface Revision {
  Revision: number;
  Action: string;
  AccessKeyId: string;
  SourceIp: string;
  RequestId: string;
  Time: number;
  DefaultCertificateBefore: string;
  DefaultCertificateAfter: string;
  DomainsAdded: number;
  DomainsRemoved: number;
  DomainsChanged: number;
  Summary: string;
}

export interface DomainChange {
  Domain: string;
  CertIdentifierBefore: string; /* "": it was not there */
  CertIdentifierAfter: string; /* "": it is not there any more */
}

interface RevisionDetail extends Answer, Revision {
  Changes: DomainChange[];
  TotalCount: number;
}

const PAGE = 1000;

export function useRevisions(MqttInstanceId: string, CurrentPage: number, PageSize: number) {
  return useQuery({
    queryKey: [MqttInstanceId, "ListConfigRevisions", CurrentPage, PageSize],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      call<Answer & { CurrentRevision: number; Revisions: Revision[]; TotalCount: number }>("ListConfigRevisions", { MqttInstanceId, CurrentPage, PageSize }, signal),
  });
}

async function revisionWhole(MqttInstanceId: string, Revision: number, signal: AbortSignal): Promise<RevisionDetail> {
  for (let CurrentPage = 1, whole: RevisionDetail | undefined; ; CurrentPage++) {
    const page = await call<RevisionDetail>("GetConfigRevision", { MqttInstanceId, Revision, CurrentPage, PageSize: PAGE }, signal);
    whole = whole === undefined ? page : { ...whole, Changes: [...whole.Changes, ...page.Changes] };
    if (page.Changes.length < PAGE) return whole;
  }
}

export interface Difference {
  from: number;
  to: number;
  defaultBefore: string;
  defaultAfter: string;
  changes: DomainChange[];
}

/* What `to` has otherwise than `from`: the first value before and the last after of each domain that a revision in
 * between has changed; what came back to where it was is no difference. */
export async function differenceOf(MqttInstanceId: string, from: number, to: number, told: (done: number) => void, signal: AbortSignal): Promise<Difference> {
  const domains = new Map<string, DomainChange>();
  let defaultBefore: string | undefined;
  let defaultAfter = "";
  for (let n = from + 1; n <= to; n++) {
    const revision = await revisionWhole(MqttInstanceId, n, signal);
    defaultBefore ??= revision.DefaultCertificateBefore;
    defaultAfter = revision.DefaultCertificateAfter;
    for (const c of revision.Changes)
      domains.set(c.Domain, { ...c, CertIdentifierBefore: domains.get(c.Domain)?.CertIdentifierBefore ?? c.CertIdentifierBefore });
    told(n - from);
  }
  const changes = [...domains.values()].filter((c) => c.CertIdentifierBefore !== c.CertIdentifierAfter);
  changes.sort((a, b) => (a.Domain < b.Domain ? -1 : 1));
  return { from, to, defaultBefore: defaultBefore ?? "", defaultAfter, changes };
}
