import type { expiring as En } from "../en/expiring";

export const expiring: typeof En = {
  title: "即将到期",
  note: "服务端证书、CA 证书和设备证书的到期时间。",
  within: "时间范围",
  days: (n: number) => (n === 365 ? "一年内" : `${n} 天内`),
  type: "类型",
  types: { server: "服务端证书", ca: "CA 证书", device: "设备证书" },
  expired: "已过期",
  none: "该时间范围内没有证书到期。",
  ends: "到期时间",
  left: "剩余天数",
  certificate: "证书",
  instance: "实例",
  inUse: "使用中",
  calendar: "日历",
  list: "列表",
  onDay: (day: string, n: number) => `${day}：${n} 个证书到期`,
  showAll: "显示所有日期",
  only: (shown: number, total: number) => `仅显示前 ${shown} 个，共 ${total} 个。`,
};
