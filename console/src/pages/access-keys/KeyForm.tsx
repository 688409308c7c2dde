/* A new key, or the description and grants of one that is there. */
import { MinusCircleOutlined, PlusOutlined } from "@ant-design/icons";
import { AutoComplete, Button, Flex, Form, Input, Modal, Typography } from "antd";
import { createAccessKey, grantParams, type AccessKey, type Grant } from "../../api/access-key";
import { call } from "../../api/call";
import { useChanged, useInstances } from "../../api/instance";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";
import { useOneTimeSecret } from "./OneTimeSecret";

interface Wanted {
  description?: string;
  grants?: Grant[];
}

const LEVELS = ["read", "write", "admin"];

/* What was not touched is not sent: it could give back what somebody else has taken away since it was read. */
function sameGrants(a: readonly Grant[], b: readonly Grant[]): boolean {
  return JSON.stringify(grantParams(a)) === JSON.stringify(grantParams(b));
}

export function KeyForm({ of, close }: { of: AccessKey | "new"; close: () => void }) {
  const t = useText();
  const tell = useOneTimeSecret();
  const changed = useChanged();
  const { form, submit, error, busy } = useSubmit<Wanted>(
    async ({ description = "", grants = [] }) => {
      if (of === "new") tell(await createAccessKey(description, grants));
      else {
        if (description !== of.Description) await call("UpdateAccessKey", { UserAccessKeyId: of.AccessKeyId, Description: description });
        if (!sameGrants(grants, of.Grants)) await call("SetAccessKeyGrants", { UserAccessKeyId: of.AccessKeyId, ...grantParams(grants) });
      }
      await changed();
      close();
    },
    { Description: "description" },
  );
  const start: Wanted = of === "new" ? { grants: [{ Action: "read", MqttInstanceId: "" }] } : { description: of.Description, grants: of.Grants };
  return (
    <Modal
      open
      width={640}
      title={of === "new" ? t.accessKeys.create : of.AccessKeyId}
      onCancel={close}
      onOk={form.submit}
      okText={of === "new" ? t.accessKeys.create : t.common.save}
      confirmLoading={busy}
    >
      <Problem error={error} />
      <Form form={form} layout="vertical" onFinish={submit} initialValues={start}>
        <Form.Item name="description" label={t.accessKeys.description}>
          <Input autoFocus maxLength={128} />
        </Form.Item>
        <Typography.Title level={2} style={{ fontSize: 14 }}>
          {t.accessKeys.grants}
        </Typography.Title>
        <Typography.Paragraph type="secondary">{t.accessKeys.grantsNote}</Typography.Paragraph>
        <GrantList />
        <button type="submit" hidden /> {/* for who presses Enter */}
      </Form>
    </Modal>
  );
}

function GrantList() {
  const t = useText();
  const instances = useInstances().data?.map((i) => ({ value: i.InstanceId })) ?? [];
  const actions = [...LEVELS.map((value) => ({ value, label: t.accessKeys.level[value] })), { value: "mq:", label: t.accessKeys.own }];
  return (
    <Form.List name="grants">
      {(rows, { add, remove }) => (
        <>
          {rows.map(({ key, name }) => (
            <Flex key={key} gap={8} align="baseline">
              <Form.Item name={[name, "Action"]} style={{ flex: 1 }} rules={[{ required: true, message: t.accessKeys.actionNeeded }]}>
                <AutoComplete defaultActiveFirstOption={false} aria-label={`${t.accessKeys.action} ${name + 1}`} placeholder={t.accessKeys.action} options={actions} />
              </Form.Item>
              <Form.Item name={[name, "MqttInstanceId"]} style={{ flex: 1 }} rules={[{ required: true, message: t.accessKeys.instanceNeeded }]}>
                <AutoComplete defaultActiveFirstOption={false} aria-label={`${t.accessKeys.instance} ${name + 1}`} placeholder={t.accessKeys.instance} options={[{ value: "*" }, ...instances]} />
              </Form.Item>
              <Button type="text" icon={<MinusCircleOutlined />} aria-label={`${t.accessKeys.removeGrant} ${name + 1}`} onClick={() => remove(name)} />
            </Flex>
          ))}
          <Button type="dashed" icon={<PlusOutlined />} onClick={() => add({ Action: "read", MqttInstanceId: "" })}>
            {t.accessKeys.addGrant}
          </Button>
        </>
      )}
    </Form.List>
  );
}
