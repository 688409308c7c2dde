import type { instances as En } from "../en/instances";

export const instances: typeof En = {
  title: "实例列表",
  none: "没有该访问密钥可见的实例。",
  note: "每个实例拥有各自的域名、CA、设备和 Broker。",
  create: "创建实例",
  made: (id: string) => `实例 ${id} 已创建。`,
  id: "实例 ID",
  idDrawn: "留空则自动生成。",
  name: "名称",
  created: "创建时间",
  edition: "版本",
  editionNote: "仅铂金版和专业版支持多域名证书。",
  editions: { platinum: "铂金版", professional: "专业版", standard: "标准版" },
};
