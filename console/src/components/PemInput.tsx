/* A PEM: pasted, chosen, or dropped as a file. A form's field (value, onChange). */
import { FileTextOutlined } from "@ant-design/icons";
import { App, Button, Flex, Input, Upload } from "antd";
import { useRef } from "react";
import { useText } from "../i18n";

interface PemField {
  id?: string;
  value?: string;
  onChange?: (text: string) => void;
  label: string;
  accept?: string;
  placeholder?: string;
}

const BYTES_MAX = 16 * 1024 * 1024; /* what a request may have */

export function PemInput({ id, value, onChange, label, accept = ".pem,.crt,.cer,.key", placeholder }: PemField) {
  const t = useText();
  const { message } = App.useApp();
  const files = useRef<HTMLInputElement>(null);

  async function take(file: File) {
    if (file.size > BYTES_MAX) message.error(t.common.fileTooLarge(file.name));
    else onChange?.(await file.text());
  }
  return (
    <Upload.Dragger
      accept={accept}
      showUploadList={false}
      openFileDialogOnClick={false}
      hasControlInside
      beforeUpload={(file) => {
        void take(file);
        return Upload.LIST_IGNORE;
      }}
    >
      <div style={{ paddingInline: 12, textAlign: "start" }}>
        <Input.TextArea
          id={id}
          aria-label={label}
          value={value}
          onChange={(e) => onChange?.(e.target.value)}
          rows={5}
          spellCheck={false}
          placeholder={placeholder ?? "-----BEGIN CERTIFICATE-----"}
          style={{ fontFamily: "monospace", fontSize: 12 }}
        />
        <Flex wrap gap={8} align="center" style={{ marginBlockStart: 12 }}>
          <Button size="small" icon={<FileTextOutlined />} onClick={() => files.current?.click()}>
            {t.common.chooseFile}
          </Button>
          <span>{t.common.orDrop}</span>
        </Flex>
        <input
          ref={files}
          type="file"
          hidden
          accept={accept}
          onChange={({ target }) => {
            const [file] = target.files ?? [];
            target.value = ""; /* the same file may be chosen again */
            if (file !== undefined) void take(file);
          }}
        />
      </div>
    </Upload.Dragger>
  );
}
