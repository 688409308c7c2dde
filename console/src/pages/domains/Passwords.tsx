/* The passwords of encrypted private keys that are in use. SetSniConfig replaces every row, and the API gives none back: a row
 * that stays would lose its password. */
import { Form, Modal, Typography } from "antd";
import { useKnownCertificates } from "../../api/certificate";
import { useText } from "../../i18n";
import { withPasswords } from "./draft";
import { PasswordField } from "./PasswordField";
import type { Work } from "./work";

export function Passwords({ work }: { work: Work }) {
  const t = useText();
  const known = useKnownCertificates();
  const [form] = Form.useForm<Record<string, string>>();
  async function go(given: Record<string, string>) {
    const draft = withPasswords(work.draft, Object.entries(given));
    work.setDraft(draft);
    work.answered();
    await work.preview(draft);
  }
  return (
    <Modal open title={t.domains.passwordsTitle} onCancel={work.answered} onOk={form.submit} okText={t.domains.preview}>
      <Typography.Paragraph>{t.domains.passwordsText}</Typography.Paragraph>
      <Form form={form} layout="vertical" requiredMark={false} onFinish={(given: Record<string, string>) => void go(given)} style={{ maxHeight: "50vh", overflow: "auto" }}>
        {work.asked.map((certificate) => (
          <Form.Item
            key={certificate}
            name={certificate}
            label={[known[certificate]?.CertificateName, certificate].filter(Boolean).join(" · ")}
            rules={[
              { required: true, message: t.domains.passwordNeeded },
              { pattern: /^[^;]*$/, message: t.domains.noSemicolon },
            ]}
          >
            <PasswordField />
          </Form.Item>
        ))}
      </Form>
    </Modal>
  );
}
