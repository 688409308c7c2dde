/* Connected clients. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";
import { useMay } from "./session";

export interface Client {
  ClientId: string;
  Address: string;
  Listener: string;
  Tls: string;
  Domain: string;
  CaSn: string;
  DeviceSn: string;
  AccessKeyId: string;
  ConnectedAt: number;
  Revision: number;
}

interface Clients extends Answer {
  Sessions: Client[];
  Brokers: { NodeId: string; Answered: boolean }[];
  Total: number;
}

export interface ClientSearch {
  ClientId?: string;
  CaSn?: string;
  DeviceSn?: string;
  PageNo: number;
  PageSize: number;
}

export function useClients(MqttInstanceId: string, search: ClientSearch, everyMs: number | false) {
  return useQuery({
    queryKey: [MqttInstanceId, "ListSessions", search],
    refetchInterval: everyMs,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => call<Clients>("ListSessions", { MqttInstanceId, ...search }, signal),
  });
}

/* How many are connected to the broker here at this moment, all or those of a CA; null when it does not say. */
export function useLiveCount(MqttInstanceId: string, CaSn?: string) {
  const enabled = useMay()("ListSessions", MqttInstanceId);
  return useQuery({
    queryKey: [MqttInstanceId, "ListSessions", "count", CaSn],
    enabled,
    retry: false,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const { Total, Brokers } = await call<Clients>("ListSessions", { MqttInstanceId, CaSn, PageNo: 1, PageSize: 1 }, signal);
      return Brokers.some((b) => b.Answered) ? Total : null;
    },
  });
}
