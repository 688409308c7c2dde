/* Which devices are to be changed at once: those with a tick, over all pages of a search, or all that match it. */
import type { Device } from "../../api/device";

export interface Chosen {
  all: boolean;
  devices: Device[];
}

export const NONE_CHOSEN: Chosen = { all: false, devices: [] };

/* A serial number is unique only among the devices of one CA. */
export function deviceKey({ CaSn, DeviceSn }: Device): string {
  return `${CaSn} ${DeviceSn}`;
}

export function deviceName({ DeviceName, DeviceSn }: Device): string {
  return DeviceName === "" ? DeviceSn : DeviceName;
}
