/* Certificates that end soon. */
import { useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";

export type ExpiringType = "server" | "ca" | "device";

export interface ExpiringCertificate {
  Type: ExpiringType;
  MqttInstanceId: string;
  CertIdentifier: string;
  CaSn: string;
  DeviceSn: string;
  Name: string;
  NotAfter: number;
  DaysLeft: number;
  Expired: boolean;
  InUse: boolean;
}

interface Page extends Answer {
  Certificates: ExpiringCertificate[];
  TotalCount: number;
}

const PAGE = 1000;
export const NEXT_DAYS = 90;
const NEXT = 5;
export const EXPIRING_MAX = 10_000; /* that the picture takes; the rest is only counted */

export interface Expiring {
  certificates: ExpiringCertificate[];
  total: number;
}

/* The next few of one instance. */
export function useNextToExpire(MqttInstanceId: string, enabled: boolean) {
  return useQuery({
    queryKey: [MqttInstanceId, "ListExpiringCertificates"],
    enabled,
    queryFn: ({ signal }) => call<Page>("ListExpiringCertificates", { MqttInstanceId, WithinDays: NEXT_DAYS, PageSize: NEXT }, signal),
  });
}

export function useExpiring(WithinDays: number, Type: ExpiringType | undefined) {
  return useQuery<Expiring>({
    queryKey: ["ListExpiringCertificates", WithinDays, Type],
    queryFn: async ({ signal }) => {
      const certificates: ExpiringCertificate[] = [];
      for (let CurrentPage = 1; ; CurrentPage++) {
        const page = await call<Page>("ListExpiringCertificates", { WithinDays, Type, CurrentPage, PageSize: PAGE }, signal);
        certificates.push(...page.Certificates);
        if (page.Certificates.length < PAGE || certificates.length >= EXPIRING_MAX) return { certificates, total: page.TotalCount };
      }
    },
  });
}
