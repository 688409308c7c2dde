import type { sessions as En } from "../en/sessions";

export const sessions: typeof En = {
  title: "会话",
  note: "当前连接到本实例 Broker 的客户端。",
  clientId: "Client ID",
  search: "完整 Client ID",
  address: "地址",
  listener: "监听器",
  domain: "域名",
  device: "设备证书",
  login: "访问密钥",
  since: "连接时间",
  total: (n: number) => `${n} 个在线`,
  none: "当前没有客户端在线。",
  noneFound: "该客户端不在线。",
  noBroker: "API 所在机器上没有本实例的 Broker 响应，因此无法获知在线客户端。",
  cut: "断开连接",
  cutTitle: (client: string) => `断开 ${client}？`,
  cutText: "该连接将立即关闭，但客户端可以马上重连。若要阻止设备，请停用其证书。",
  cutDone: (client: string) => `${client} 已断开。`,
  live: "每 5 秒刷新",
};
