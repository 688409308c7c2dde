import type { shell as En } from "../en/shell";

export const shell: typeof En = {
  navigation: "主菜单",
  openMenu: "打开菜单",
  language: "语言",
  theme: "外观",
  themes: { system: "跟随系统", light: "浅色", dark: "深色" },
  account: (id: string) => `已使用 ${id} 登录`,
  skip: "跳到正文",
  signOut: "退出登录",
  signOutTitle: "退出登录并放弃草稿？",
  signOutText: "有尚未应用的域名变更，退出后将丢失。",
  menu: {
    instances: "实例列表",
    certificates: "服务端证书",
    expiring: "即将到期",
    audit: "审计",
    accessKeys: "访问密钥",
    explorer: "API 浏览器",
  },
  tabs: {
    overview: "概览",
    serverCertificate: "服务器证书",
    domains: "多域名",
    ca: "CA 证书",
    devices: "设备证书",
    sessions: "会话",
    history: "变更历史",
    brokers: "Broker",
  },
};
