/* One certificate and its private key. */
import { Form, Input, Modal, Typography } from "antd";
import { uploadCertificate, type Upload } from "../../api/certificate";
import { useChanged } from "../../api/instance";
import { PemInput } from "../../components/PemInput";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";

const FIELDS = { Name: "Name", NameRepeat: "Name", Cert: "Cert", Key: "Key" };

export function UploadForm({ close, made }: { close: () => void; made: (identifier: string) => void }) {
  const t = useText();
  const changed = useChanged();
  const { form, submit, error, busy } = useSubmit<Upload>(async (upload) => {
    const identifier = await uploadCertificate({ ...upload, Name: upload.Name.trim() });
    await changed();
    made(identifier);
    close();
  }, FIELDS);
  const needed = (message: string) => [{ required: true, whitespace: true, message }];
  return (
    <Modal open width={720} title={t.certificates.upload} onCancel={close} onOk={form.submit} okText={t.certificates.uploadNow} confirmLoading={busy} destroyOnHidden>
      <Problem error={error} />
      <Form form={form} layout="vertical" onFinish={submit} requiredMark={false}>
        <Form.Item name="Name" label={t.certificates.name} extra={t.certificates.nameNote} rules={needed(t.certificates.nameNeeded)}>
          <Input maxLength={64} autoFocus autoComplete="off" />
        </Form.Item>
        <Form.Item name="Cert" label={t.certificates.cert} extra={t.certificates.certNote} rules={needed(t.certificates.certNeeded)}>
          <PemInput label={t.certificates.cert} accept=".pem,.crt,.cer" />
        </Form.Item>
        <Form.Item name="Key" label={t.certificates.privateKey} extra={t.certificates.keyNote} rules={needed(t.certificates.keyNeeded)}>
          <PemInput label={t.certificates.privateKey} accept=".pem,.key" placeholder="-----BEGIN PRIVATE KEY-----" />
        </Form.Item>
      </Form>
      <Typography.Text type="secondary">{t.certificates.keyStays}</Typography.Text>
    </Modal>
  );
}
