import type { signIn as En } from "../en/signIn";

export const signIn: typeof En = {
  title: "登录 Signet",
  expired: "会话已结束，请重新登录。",
  idNeeded: "请输入 AccessKeyId。",
  secretNeeded: "请输入 AccessKeySecret。",
  enter: "登录",
  where: "使用与 SDK 和 signetctl 相同的访问密钥。scripts/up 会将其写入 credentials.env。",
};
