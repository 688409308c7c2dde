/* Access keys and their grants. */
import { useQuery } from "@tanstack/react-query";
import { call, type Answer, type Params } from "./call";

export interface Grant {
  Action: string;
  MqttInstanceId: string;
}

export interface AccessKey {
  AccessKeyId: string;
  Status: "Active" | "Inactive";
  Description: string;
  CreateDate: string;
  LastUsedDate: string;
  Grants: Grant[];
}

export interface NewSecret extends AccessKey {
  AccessKeySecret: string;
}

export function useAccessKeys(CurrentPage: number, PageSize: number) {
  return useQuery({
    queryKey: ["ListAccessKeys", CurrentPage, PageSize],
    queryFn: ({ signal }) => call<Answer & { AccessKeys: AccessKey[]; TotalCount: number }>("ListAccessKeys", { CurrentPage, PageSize }, signal),
  });
}

/* Grants.1.Action, Grants.1.MqttInstanceId, Grants.2.Action … */
export function grantParams(grants: readonly Grant[]): Params {
  return Object.fromEntries(
    grants.flatMap((g, n) => [
      [`Grants.${n + 1}.Action`, g.Action.trim()],
      [`Grants.${n + 1}.MqttInstanceId`, g.MqttInstanceId.trim()],
    ]),
  );
}

export async function createAccessKey(Description: string, grants: readonly Grant[]): Promise<NewSecret> {
  return (await call<Answer & { AccessKey: NewSecret }>("CreateAccessKey", { Description, ...grantParams(grants) })).AccessKey;
}

export async function rotateAccessKey(UserAccessKeyId: string): Promise<NewSecret> {
  return (await call<Answer & { AccessKey: NewSecret }>("RotateAccessKey", { UserAccessKeyId })).AccessKey;
}
