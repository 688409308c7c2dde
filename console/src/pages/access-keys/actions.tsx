/* What can be done with a key, as far as the signed-in one may. */
import { call } from "../../api/call";
import { rotateAccessKey, type AccessKey } from "../../api/access-key";
import { useMay, useSession } from "../../api/session";
import { useAsk } from "../../components/ask";
import { useText } from "../../i18n";
import { useOneTimeSecret } from "./OneTimeSecret";

export interface KeyAction {
  name: string;
  text: (key: AccessKey) => string;
  danger: boolean;
  run: (key: AccessKey) => void;
}

export function useKeyActions(edit: (key: AccessKey) => void): KeyAction[] {
  const t = useText();
  const tell = useOneTimeSecret();
  const { AccessKeyId } = useSession();
  const may = useMay();
  const ask = useAsk();
  const ends = (key: AccessKey, text: string) => (key.AccessKeyId === AccessKeyId ? `${text} ${t.accessKeys.yourOwn}` : text);
  const setStatus = (key: AccessKey, Status: string) => call("UpdateAccessKey", { UserAccessKeyId: key.AccessKeyId, Status });
  const toggle = (key: AccessKey) =>
    key.Status === "Active"
      ? ask(t.accessKeys.disableTitle(key.AccessKeyId), ends(key, t.accessKeys.disableText), t.accessKeys.disable, () => setStatus(key, "Inactive"))
      : ask(null, "", t.accessKeys.enable, () => setStatus(key, "Active"));
  const all: (KeyAction & { needs: string })[] = [
    { name: "edit", needs: "SetAccessKeyGrants", text: () => t.accessKeys.edit, danger: false, run: edit },
    { name: "toggle", needs: "UpdateAccessKey", text: (k) => (k.Status === "Active" ? t.accessKeys.disable : t.accessKeys.enable), danger: false, run: toggle },
    {
      name: "rotate",
      needs: "RotateAccessKey",
      text: () => t.accessKeys.rotate,
      danger: false,
      run: (k) => ask(t.accessKeys.rotateTitle(k.AccessKeyId), t.accessKeys.rotateText, t.accessKeys.rotate, async () => tell(await rotateAccessKey(k.AccessKeyId))),
    },
    {
      name: "delete",
      needs: "DeleteAccessKey",
      text: () => t.common.delete,
      danger: true,
      run: (k) => ask(t.accessKeys.deleteTitle(k.AccessKeyId), ends(k, t.accessKeys.deleteText), t.common.delete, () => call("DeleteAccessKey", { UserAccessKeyId: k.AccessKeyId })),
    },
  ];
  return all.filter((a) => may(a.needs));
}
