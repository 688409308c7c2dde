/* Server certificates, which belong to the account. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";
import { useMay } from "./session";

export const REGION = "cn-hangzhou"; /* CertIdentifier is <CertId>-cn-hangzhou */

export type CertificateStatus = "issued" | "willExpire" | "expired";

export interface Certificate {
  CertificateId: string;
  CertIdentifier: string;
  CertificateName: string;
  CertificateStatus: CertificateStatus;
  Algorithm: string;
  KeySize: number;
  CommonName: string;
  Domain: string; /* all names, comma between */
  Issuer: string;
  NotBefore: number;
  NotAfter: number;
  UsingProductList: string[]; /* empty: no instance uses it */
}

interface Certificates extends Answer {
  CertificateList: Certificate[];
  TotalCount: number;
}

export interface CertificateSearch {
  Keyword?: string;
  CertificateStatus?: CertificateStatus;
  CurrentPage: number;
  ShowSize: number;
}

/* "12" and "12-cn-hangzhou" are the same certificate; undefined when it is neither. */
export function identifierOf(text: string): string | undefined {
  const id = /^([1-9]\d{0,18})(?:-cn-hangzhou)?$/.exec(text)?.[1];
  return id === undefined ? undefined : `${id}-${REGION}`;
}

export function useCertificates(search: CertificateSearch, enabled = true) {
  return useQuery({
    queryKey: ["ListCertificates", search],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => call<Certificates>("ListCertificates", { ...search }, signal),
  });
}

export type Known = Pick<Certificate, "CertificateName" | "NotAfter">;

const PAGE = 1000;
const KNOWN_MAX = 20_000; /* whose names tables show; the rest is shown by number */

async function readKnown(signal: AbortSignal): Promise<Record<string, Known>> {
  const known: Record<string, Known> = {};
  for (let CurrentPage = 1; ; CurrentPage++) {
    const { CertificateList } = await call<Certificates>("ListCertificates", { CurrentPage, ShowSize: PAGE }, signal);
    for (const { CertIdentifier, CertificateName, NotAfter } of CertificateList) known[CertIdentifier] = { CertificateName, NotAfter };
    if (CertificateList.length < PAGE || CurrentPage * PAGE >= KNOWN_MAX) return known;
  }
}

/* Name and expiry by CertIdentifier; empty until they are there, and for who may not list certificates. */
export function useKnownCertificates(): Record<string, Known> {
  const enabled = useMay()("ListCertificates");
  return useQuery({ queryKey: ["ListCertificates", "known"], enabled, staleTime: 60_000, queryFn: ({ signal }) => readKnown(signal) }).data ?? NONE;
}

const NONE: Record<string, Known> = {};

interface InChain {
  Subject: string;
  Issuer: string;
  NotBefore: number;
  NotAfter: number;
}

export interface CertificateDetail extends Answer, Omit<Certificate, "CertificateId"> {
  CertificateId: number;
  FingerPrint: string;
  Serial: string;
  SubjectAlternativeNames: string[];
  CertificateChainList: InChain[];
}

export function useCertificateDetail(CertificateId: string) {
  return useQuery({
    queryKey: ["GetCertificateDetail", CertificateId],
    queryFn: ({ signal }) => call<CertificateDetail>("GetCertificateDetail", { CertificateId }, signal),
  });
}

/* The certificate itself. Its Key is always empty: a private key never leaves Signet. */
export function useCertificateContent(CertId: string, enabled: boolean) {
  return useQuery({
    queryKey: ["GetUserCertificateDetail", CertId],
    enabled,
    queryFn: ({ signal }) => call<Answer & { Cert: string; Sha2: string }>("GetUserCertificateDetail", { CertId }, signal),
  });
}

export interface Upload {
  Name: string;
  Cert: string;
  Key: string;
}

export async function uploadCertificate(upload: Upload): Promise<string> {
  const { CertId } = await call<Answer & { CertId: number }>("UploadUserCertificate", { ...upload });
  return `${CertId}-${REGION}`;
}

export async function deleteCertificate(CertId: string): Promise<void> {
  await call("DeleteUserCertificate", { CertId });
}
