import type { audit as En } from "../en/audit";

export const audit: typeof En = {
  title: "审计",
  note: "账号下的每一次变更：操作者、时间、来源，以及变更前后的内容。",
  time: "时间",
  action: "操作",
  key: "访问密钥",
  instance: "实例",
  resource: "对象",
  before: "变更前",
  after: "变更后",
  nothing: "无",
  requestId: "请求 ID",
  from: "开始",
  to: "结束",
  none: "没有匹配的事件。",
  refused: "已拒绝",
  older: "显示更早的事件",
  end: "已显示全部。",
  details: "变更内容",
};
