/* The brokers of an instance: what all have told the database, and what the one on the API's machine says of itself. */
import { useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";

export type RejectedEntry = Record<string, string>; /* domain, certificate, accessKey or ca; and error */

export interface BrokerNode {
  NodeId: string;
  AppliedRevision: number;
  Current: boolean;
  Alive: boolean;
  StartedAt: number;
  SeenAt: number;
  Rejected: RejectedEntry[];
}

export interface LocalBroker {
  NodeId: string;
  Version: string;
  Revision: number;
  Mode: string;
  Database: string;
  DomainCount: number;
  CertificateCount: number;
  CaCount: number;
  InactiveDeviceCount: number;
  LastReloadMs: number;
  LoadedAt: number;
  Workers: number;
  UptimeSeconds: number;
  Counters: Record<string, number>;
  Listeners: { Name: string; Address: string; Port: number; Tls: boolean; Proxy: boolean }[];
  Refusals: { Reason: string; Count: number }[];
  Rejected: RejectedEntry[];
}

export interface BrokerStatus extends Answer {
  Revision: number;
  State: string;
  Nodes: BrokerNode[];
  Local?: LocalBroker;
  LocalReason?: string;
}

export function useBrokerStatus(MqttInstanceId: string, everyMs: number | false, enabled = true) {
  return useQuery({
    queryKey: [MqttInstanceId, "GetBrokerStatus"],
    enabled,
    refetchInterval: everyMs,
    queryFn: ({ signal }) => call<BrokerStatus>("GetBrokerStatus", { MqttInstanceId }, signal),
  });
}
