/* Instances. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";
import { call, type Answer } from "./call";
import { useMay } from "./session";

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
export function useInstance(MqttInstanceId: string, enabled = true, everyMs: number | false = false) {
  return useQuery({
    queryKey: [MqttInstanceId, "DescribeInstance"],
    enabled,
    refetchInterval: everyMs,
    queryFn: ({ signal }) => call<Instance>("DescribeInstance", { MqttInstanceId }, signal),
  });
}

/* Whether it is of the edition that has neither domains nor CAs of its own; false when the key may not ask. */
export function useStandard(MqttInstanceId: string): boolean {
  const enabled = useMay()("DescribeInstance", MqttInstanceId);
  return useInstance(MqttInstanceId, enabled).data?.Edition === "standard";
}

/* After a change: everything that is shown of the instance is asked for anew. */
export function useChanged() {
  const queries = useQueryClient();
  return useCallback(
    (MqttInstanceId?: string) => queries.invalidateQueries(MqttInstanceId === undefined ? {} : { queryKey: [MqttInstanceId] }),
    [queries],
  );
}
