/* A secret that has just been made: shown this once, and kept nowhere in the browser. It stands above every page, so that
 * the browser's Back does not lose it. */
import { Alert, Descriptions, Modal } from "antd";
import { createContext, useContext, useState, type ReactNode } from "react";
import type { NewSecret } from "../../api/access-key";
import { Code } from "../../components/Copied";
import { useAskBeforeLeaving } from "../../components/leaving";
import { useText } from "../../i18n";

type Tell = (secret: NewSecret) => void;

const Context = createContext<Tell | null>(null);

export function OneTimeSecretProvider({ children }: { children: ReactNode }) {
  const [secret, setSecret] = useState<NewSecret>();
  return (
    <Context.Provider value={setSecret}>
      {children}
      {secret !== undefined && <OneTimeSecret of={secret} close={() => setSecret(undefined)} />}
    </Context.Provider>
  );
}

export function useOneTimeSecret(): Tell {
  const tell = useContext(Context);
  if (tell === null) throw new Error("no OneTimeSecretProvider");
  return tell;
}

function OneTimeSecret({ of, close }: { of: NewSecret; close: () => void }) {
  const t = useText();
  useAskBeforeLeaving(true);
  return (
    <Modal open title={t.accessKeys.secretTitle} closable={false} mask={{ closable: false }} keyboard={false} onOk={close} okText={t.accessKeys.kept} cancelButtonProps={{ hidden: true }}>
      <Alert type="warning" showIcon title={t.accessKeys.secretText} style={{ marginBlockEnd: 16 }} />
      <Descriptions
        column={1}
        items={[
          { key: "id", label: t.accessKeys.id, children: <Code>{of.AccessKeyId}</Code> },
          { key: "secret", label: t.accessKeys.secret, children: <Code>{of.AccessKeySecret}</Code> },
        ]}
      />
    </Modal>
  );
}
