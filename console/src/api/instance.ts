/* Instances. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { call, type Answer } from "./call";

export interface InstanceRow {
  InstanceId: string;
  InstanceName: string;
  InstanceStatus: number;
  CreateTime: number;
}

export interface Instance extends Answer {
  MqttInstanceId: string;
  InstanceName: string;
  Edition: "platinum" | "professional" | "standard";
  AuthenticationMode: "one-way" | "mutual";
  LoginRequired: boolean;
  DefaultCertificate: string;
  Revision: number;
  DomainCount: number;
  CaCertificateCount: number;
  DeviceCount: number;
  CreateTime: number;
  Brokers: { NodeId: string; AppliedRevision: number; StartedAt: number; SeenAt: number }[];
}

export function useInstances() {
  return useQuery({
    queryKey: ["ListInstances"],
    queryFn: ({ signal }) => call<Answer & { Instances: InstanceRow[] }>("ListInstances", {}, signal).then((a) => a.Instances),
  });
}

/* Everything about an instance is kept under the key [instance ID, …]. */
export function useInstance(MqttInstanceId: string, enabled = true) {
  return useQuery({
    queryKey: [MqttInstanceId, "DescribeInstance"],
    enabled,
    queryFn: ({ signal }) => call<Instance>("DescribeInstance", { MqttInstanceId }, signal),
  });
}

/* After a change: everything that is shown of the instance is asked for anew. */
export function useChanged() {
  const queries = useQueryClient();
  return useCallback(
    (MqttInstanceId?: string) => queries.invalidateQueries(MqttInstanceId === undefined ? {} : { queryKey: [MqttInstanceId] }),
    [queries],
  );
}
