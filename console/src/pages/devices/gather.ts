/* All devices that match a search, page by page. */
import { readDevicePage, type Device, type DeviceSearch } from "../../api/device";
import { patiently } from "../../components/many";

export const GATHER_MAX = 10_000;
const PAGE = 100;

export interface Gathered {
  devices: Device[];
  more: boolean; /* there are more than GATHER_MAX */
}

export async function gather(instance: string, search: DeviceSearch, told: (found: number) => void, signal: AbortSignal): Promise<Gathered> {
  const devices: Device[] = [];
  for (let next = ""; ; ) {
    const from = next;
    const page = await patiently(() => readDevicePage(instance, search, from, PAGE, signal), signal);
    devices.push(...page.rows);
    next = page.next;
    told(Math.min(devices.length, GATHER_MAX));
    if (devices.length > GATHER_MAX || (devices.length === GATHER_MAX && next !== "")) return { devices: devices.slice(0, GATHER_MAX), more: true };
    if (next === "") return { devices, more: false };
  }
}
