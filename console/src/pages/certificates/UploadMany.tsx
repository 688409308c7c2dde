/* Many certificates with their private keys: files, or a folder of them. */
import { FileTextOutlined, FolderOpenOutlined } from "@ant-design/icons";
import { Alert, App, Button, Flex, Modal, Table, Typography, Upload } from "antd";
import { useRef, useState, type ReactNode } from "react";
import { uploadCertificate } from "../../api/certificate";
import { useChanged } from "../../api/instance";
import { ManyDialog } from "../../components/ManyDialog";
import { useText } from "../../i18n";
import { pairsOf, type Pair, type PemFile } from "./pairs";

const ACCEPTED = ".pem,.crt,.cer,.key";
const FILES_MAX = 20_000;
const BYTES_MAX = 1024 * 1024;
const ALONE_SHOWN = 20;

export function UploadMany({ close }: { close: () => void }) {
  const t = useText();
  const changed = useChanged();
  const [files, setFiles] = useState<ReadonlyMap<string, PemFile>>(new Map());
  const [uploading, setUploading] = useState(false);
  const pairing = pairsOf([...files.values()]);
  if (uploading)
    return (
      <ManyDialog<Pair>
        title={t.certificates.uploading}
        items={pairing.pairs}
        one={(p) => uploadCertificate({ Name: p.name, Cert: p.cert, Key: p.key })}
        name={(p) => p.name}
        close={() => {
          void changed();
          close();
        }}
      />
    );
  return (
    <Modal
      open
      width={760}
      title={t.certificates.uploadMany}
      onCancel={close}
      onOk={() => setUploading(true)}
      okText={t.certificates.uploadPairs(pairing.pairs.length)}
      okButtonProps={{ disabled: pairing.pairs.length === 0 }}
    >
      <Typography.Paragraph type="secondary">{t.certificates.manyNote}</Typography.Paragraph>
      <Files take={(more) => setFiles((had) => new Map([...had, ...more.map((f) => [f.path, f] as const)]))} />
      {files.size > 0 && (
        <Table<Pair>
          rowKey={(p) => p.paths.join()}
          size="small"
          style={{ marginBlockStart: 16 }}
          dataSource={pairing.pairs}
          pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
          scroll={{ x: "max-content" }}
          locale={{ emptyText: t.certificates.noPairs }}
          columns={[
            { title: t.certificates.name, dataIndex: "name" },
            { title: t.certificates.files, render: (_, p) => p.paths.join(", ") },
          ]}
        />
      )}
      {pairing.alone.length > 0 && (
        <Alert
          type="warning"
          showIcon
          style={{ marginBlockStart: 16 }}
          title={t.certificates.alone(pairing.alone.length)}
          description={pairing.alone.slice(0, ALONE_SHOWN).map((a) => (
            <div key={a.path}>
              {a.path}: {t.certificates.why[a.why]}
            </div>
          ))}
        />
      )}
    </Modal>
  );
}

function Files({ take }: { take: (files: PemFile[]) => void }) {
  const t = useText();
  const { message } = App.useApp();
  async function read(list: File[]) {
    if (list.length > FILES_MAX) message.error(t.certificates.tooManyFiles(FILES_MAX));
    const fit = list.slice(0, FILES_MAX).filter((f) => f.size <= BYTES_MAX);
    if (fit.length < Math.min(list.length, FILES_MAX)) message.warning(t.certificates.filesTooLarge);
    take(await Promise.all(fit.map(async (f) => ({ path: f.webkitRelativePath || f.name, text: await f.text() }))));
  }
  return (
    <Upload.Dragger
      accept={ACCEPTED}
      multiple
      directory
      hasControlInside
      showUploadList={false}
      openFileDialogOnClick={false}
      beforeUpload={(file, list) => {
        if (file === list[0]) void read(list); /* it is called for each of them */
        return Upload.LIST_IGNORE;
      }}
    >
      <Flex wrap gap={8} align="center" justify="center" style={{ padding: 12 }}>
        <Chooser text={t.certificates.chooseFiles} icon={<FileTextOutlined />} take={read} />
        <Chooser text={t.certificates.chooseFolder} icon={<FolderOpenOutlined />} take={read} folder />
        <span>{t.certificates.orDropThem}</span>
      </Flex>
    </Upload.Dragger>
  );
}

function Chooser({ text, icon, take, folder = false }: { text: string; icon: ReactNode; take: (files: File[]) => Promise<void>; folder?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button icon={icon} onClick={() => input.current?.click()}>
        {text}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept={ACCEPTED}
        {...(folder ? { webkitdirectory: "" } : {})}
        onChange={({ target }) => {
          void take([...(target.files ?? [])]);
          target.value = ""; /* so that the same can be chosen again */
        }}
      />
    </>
  );
}
