/* Connected clients. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";

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
