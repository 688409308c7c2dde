import type { explorer as En } from "../en/explorer";

export const explorer: typeof En = {
  title: "API 浏览器",
  note: "在此调用任意操作，并获取相同调用的代码。",
  choose: "选择操作",
  unknown: (name: string) => `没有名为 ${name} 的操作。`,
  products: { onsmqtt: "OnsMqtt 2020-04-20", cas: "cas 2020-04-07", signet: "Signet 自有操作" },
  parameters: "参数",
  noParameters: "该操作没有参数。",
  call: "调用",
  sureTitle: (operation: string, instance: string) => (instance === "" ? `确认调用 ${operation}？` : `确认对 ${instance} 调用 ${operation}？`),
  changes: "该操作会真实修改数据。",
  deletes: "该操作会真实删除数据，且无法恢复。",
  lacking: (names: string) => `缺少必填参数：${names}`,
  mayNot: (action: string) => `当前登录的访问密钥无权执行该操作，需要 ${action} 权限。仍可生成代码。`,
  answer: "返回结果",
  code: "相同调用的代码",
  environment: "访问密钥取自环境变量 ALIBABA_CLOUD_ACCESS_KEY_ID 和 ALIBABA_CLOUD_ACCESS_KEY_SECRET。",
  secretFile: "机密内容从对应变量所指的文件中原样读取，文件末尾的换行符也会计入。",
  documentedAnswer: "文档中的返回示例",
  documentedErrors: (n: number) => `文档中的错误码（${n}）`,
  byDefault: (value: string) => `留空时为 ${value}`,
  wrong: {
    pattern: (limit: string) => `须匹配 ${limit}`,
    length: (limit: string) => `字符数：${limit}`,
    number: (limit: string) => `整数，${limit}`,
  },
};
