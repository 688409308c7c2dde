/* Device certificates: found by the beginning of their serial number or name, a page after the other. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, type Answer } from "./call";
import { useMay } from "./session";

export interface Device {
  CaSn: string;
  DeviceSn: string;
  DeviceName: string;
  DeviceContent: string;
  Status: "0" | "1";
  ValidBegin: string;
  ValidEnd: string;
  LastSeenTime: number;
  Online?: boolean; /* not there when no broker here has answered */
}

export interface DeviceSearch {
  CaSn?: string;
  Keyword?: string;
  Status?: "0" | "1";
}

interface Found extends Answer {
  DeviceCertificates: Device[];
  NextCursor: string;
  Total?: number;
  LocalReason?: string;
}

export interface DevicePage {
  rows: Device[];
  next: string; /* "": the end */
  total: number | undefined; /* known only without Keyword and Status */
  deaf: boolean; /* no broker here has said who is online */
}

const CALLS_MAX = 20; /* for one page; what it has by then is shown, and the next one goes on */

/* Answers may have fewer rows than asked for, even none, before the end. A page is what answers there are until it is full, so
 * it may have some rows more. */
export async function readDevicePage(MqttInstanceId: string, search: DeviceSearch, from: string, PageSize: number, signal: AbortSignal): Promise<DevicePage> {
  const page: DevicePage = { rows: [], next: from, total: undefined, deaf: false };
  for (let n = 0; n < CALLS_MAX; n++) {
    const found = await call<Found>("SearchDeviceCertificate", { MqttInstanceId, ...search, Cursor: page.next === "" ? undefined : page.next, PageSize }, signal);
    page.rows.push(...found.DeviceCertificates);
    page.next = found.NextCursor;
    page.total ??= found.Total;
    page.deaf ||= found.LocalReason !== undefined;
    if (page.next === "" || page.rows.length >= PageSize) break;
  }
  return page;
}

export function useDevices(MqttInstanceId: string, search: DeviceSearch, cursor: string, PageSize: number) {
  return useQuery({
    queryKey: [MqttInstanceId, "SearchDeviceCertificate", search, cursor, PageSize],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => readDevicePage(MqttInstanceId, search, cursor, PageSize, signal),
  });
}

export function useDevice(MqttInstanceId: string, CaSn: string, DeviceSn: string) {
  return useQuery({
    queryKey: [MqttInstanceId, "GetDeviceCertificate", CaSn, DeviceSn],
    queryFn: ({ signal }) => call<Answer & { Data: Device }>("GetDeviceCertificate", { MqttInstanceId, CaSn, DeviceSn }, signal).then((a) => a.Data),
  });
}

export function useDeviceActivity(MqttInstanceId: string, CaSn: string, DeviceSn: string) {
  const enabled = useMay()("GetDeviceActivity", MqttInstanceId);
  return useQuery({
    queryKey: [MqttInstanceId, "GetDeviceActivity", CaSn, DeviceSn],
    enabled,
    queryFn: ({ signal }) => call<Answer & { RegisteredTime: number; LastSeenTime: number }>("GetDeviceActivity", { MqttInstanceId, CaSn, DeviceSn }, signal),
  });
}
