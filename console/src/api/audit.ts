/* The audit trail, newest first. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";

export interface AuditEvent {
  EventId: number;
  Time: number;
  Action: string;
  AccessKeyId: string;
  SourceIp: string;
  RequestId: string;
  MqttInstanceId: string;
  Resource: string;
  Before: Record<string, unknown> | null;
  After: Record<string, unknown> | null;
}

export interface AuditSearch {
  MqttInstanceId?: string;
  EventAction?: string;
  UserAccessKeyId?: string;
  StartTime?: number;
  EndTime?: number;
}

const PAGE = 50;

export function useAuditEvents(search: AuditSearch) {
  return useInfiniteQuery({
    queryKey: ["ListAuditEvents", search],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) =>
      call<Answer & { Events: AuditEvent[]; NextEventId: number }>("ListAuditEvents", { ...search, BeforeEventId: pageParam, PageSize: PAGE }, signal),
    getNextPageParam: (last) => (last.NextEventId === 0 ? undefined : last.NextEventId),
  });
}
