/* CA certificates of an instance, and their revocation lists. */
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiError, call, callWithRollout, type Answer } from "./call";
import { useMay } from "./session";

export interface Ca {
  CaName: string;
  Sn: string;
  Status: "0" | "1";
  ValidBegin: string;
  ValidEnd: string;
  CaContent: string;
  RegistrationCode: string;
  VerificationContent: string;
}

interface Cas extends Answer {
  Data: { CaCertificateVOS: Ca[]; Total: number };
}

export function useCas(MqttInstanceId: string, PageNo: number, PageSize: number) {
  return useQuery({
    queryKey: [MqttInstanceId, "ListCaCertificate", PageNo, PageSize],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await call<Cas>("ListCaCertificate", { MqttInstanceId, PageNo, PageSize }, signal)).Data,
  });
}

export type KnownCa = Pick<Ca, "CaName" | "Sn" | "Status">;

const PAGE = 100;
const KNOWN_MAX = 1_000; /* whose names are offered; devices of the others are shown with the serial number */

async function readKnown(MqttInstanceId: string, signal: AbortSignal): Promise<KnownCa[]> {
  const known: KnownCa[] = [];
  for (let PageNo = 1; ; PageNo++) {
    const { CaCertificateVOS } = (await call<Cas>("ListCaCertificate", { MqttInstanceId, PageNo, PageSize: PAGE }, signal)).Data;
    for (const { CaName, Sn, Status } of CaCertificateVOS) known.push({ CaName, Sn, Status });
    if (CaCertificateVOS.length < PAGE || known.length >= KNOWN_MAX) return known;
  }
}

/* Empty until they are there, and for who may not list them. */
export function useKnownCas(MqttInstanceId: string): KnownCa[] {
  const enabled = useMay()("ListCaCertificate", MqttInstanceId);
  return useQuery({ queryKey: [MqttInstanceId, "ListCaCertificate", "known"], enabled, queryFn: ({ signal }) => readKnown(MqttInstanceId, signal) }).data ?? NONE;
}

const NONE: KnownCa[] = [];

export function useCa(MqttInstanceId: string, Sn: string) {
  return useQuery({
    queryKey: [MqttInstanceId, "GetCaCertificate", Sn],
    queryFn: ({ signal }) => call<Answer & { Data: Ca }>("GetCaCertificate", { MqttInstanceId, Sn }, signal).then((a) => a.Data),
  });
}

/* How many devices are registered under it. */
export function useDeviceCount(MqttInstanceId: string, CaSn: string) {
  const enabled = useMay()("ListDeviceCertificateByCaSn", MqttInstanceId);
  return useQuery({
    queryKey: [MqttInstanceId, "ListDeviceCertificateByCaSn", CaSn],
    enabled,
    queryFn: ({ signal }) =>
      call<Answer & { Data: { Total: number } }>("ListDeviceCertificateByCaSn", { MqttInstanceId, CaSn, PageNo: 1, PageSize: 1 }, signal).then((a) => a.Data.Total),
  });
}

/* After it was deleted: what is shown of the instance is asked for anew, but for what is of this CA. */
export function useCaGone() {
  const queries = useQueryClient();
  return (MqttInstanceId: string, Sn: string) => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === MqttInstanceId && !queryKey.includes(Sn) });
}

export async function registerCode(MqttInstanceId: string, signal?: AbortSignal): Promise<string> {
  return (await call<Answer & { RegisterCode: string }>("GetRegisterCode", { MqttInstanceId }, signal)).RegisterCode;
}

export interface Registration {
  CaName: string;
  CaContent: string;
  VerificationContent: string;
}

export async function registerCa(MqttInstanceId: string, registration: Registration) {
  const { answer, rollout } = await callWithRollout<Answer & { Sn: string }>("RegisterCaCertificate", { MqttInstanceId, ...registration });
  return { Sn: answer.Sn, rollout };
}

export interface Crl {
  Entries: number;
  CrlNumber: string;
  ThisUpdate: number;
  NextUpdate: number; /* 0: it does not say */
  CrlContent: string;
}

/* null: it has none. */
export function useCrl(MqttInstanceId: string, CaSn: string) {
  const enabled = useMay()("GetCaCrl", MqttInstanceId);
  return useQuery({
    queryKey: [MqttInstanceId, "GetCaCrl", CaSn],
    enabled,
    queryFn: ({ signal }) =>
      call<Answer & Crl>("GetCaCrl", { MqttInstanceId, CaSn }, signal).catch((e: unknown) => {
        if (e instanceof ApiError && e.code === "CaCrlNotFound") return null;
        throw e;
      }),
  });
}
