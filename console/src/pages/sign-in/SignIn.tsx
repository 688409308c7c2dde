/* Sign-in with an access key. */
import { EyeInvisibleOutlined, EyeOutlined } from "@ant-design/icons";
import { Alert, Button, Card, Flex, Form, Input, Layout, Typography } from "antd";
import { useEffect } from "react";
import { useSessions } from "../../api/session";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";
import { Choices } from "../../shell/Choices";

const EYE = { padding: 5, marginInlineEnd: -5 }; /* large enough for a finger */

interface Key {
  id: string;
  secret: string;
}

export function SignIn() {
  const t = useText();
  const { signIn, why } = useSessions();
  const { form, submit, error, busy } = useSubmit<Key>(({ id, secret }) => signIn(id.trim(), secret.trim()), { AccessKeyId: "id", AccessKeySecret: "secret" });
  useEffect(() => {
    document.title = `${t.signIn.title} – Signet`;
  }, [t]);
  return (
    <Layout style={{ minHeight: "100vh" }}>
      <Flex justify="end" style={{ padding: 12 }}>
        <Choices />
      </Flex>
      <Flex component="main" vertical align="center" style={{ paddingInline: 12, paddingBlock: "6vh" }}>
        <Card style={{ width: "min(420px, 100%)" }}>
          <Flex align="center" gap={12} style={{ marginBlockEnd: 16 }}>
            <img src="/console/icon.svg" alt="" width={40} height={40} />
            <Typography.Title level={1} style={{ fontSize: 22, margin: 0 }}>
              {t.signIn.title}
            </Typography.Title>
          </Flex>
          {why === "expired" && <Alert type="warning" showIcon title={t.signIn.expired} style={{ marginBlockEnd: 16 }} />}
          <Problem error={error} />
          <Form form={form} layout="vertical" requiredMark={false} onFinish={submit} disabled={busy}>
            <Form.Item name="id" label="AccessKeyId" rules={[{ required: true, whitespace: true, message: t.signIn.idNeeded }]}>
              <Input autoComplete="username" spellCheck={false} autoFocus />
            </Form.Item>
            <Form.Item name="secret" label="AccessKeySecret" rules={[{ required: true, whitespace: true, message: t.signIn.secretNeeded }]}>
              <Input.Password autoComplete="current-password" iconRender={(shown) => (shown ? <EyeOutlined style={EYE} /> : <EyeInvisibleOutlined style={EYE} />)} />
            </Form.Item>
            <Button type="primary" htmlType="submit" loading={busy} block>
              {t.signIn.enter}
            </Button>
          </Form>
          <Typography.Paragraph type="secondary" style={{ marginBlock: "16px 0" }}>
            {t.signIn.where}
          </Typography.Paragraph>
        </Card>
      </Flex>
    </Layout>
  );
}
