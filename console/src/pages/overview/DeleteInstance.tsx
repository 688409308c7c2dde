/* Deletes an instance, once its ID has been typed. */
import { useQueryClient } from "@tanstack/react-query";
import { App, Form, Input, Modal, Typography } from "antd";
import { useNavigate } from "react-router-dom";
import { call } from "../../api/call";
import type { Instance } from "../../api/instance";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";

export function DeleteInstance({ instance, close }: { instance: Instance; close: () => void }) {
  const t = useText();
  const id = instance.MqttInstanceId;
  const { message } = App.useApp();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { form, submit, error, busy } = useSubmit<{ typed: string }>(async () => {
    await call("DeleteInstance", { MqttInstanceId: id, Force: true });
    await queries.invalidateQueries({ queryKey: ["ListInstances"] }); /* nothing of the instance itself: it is gone */
    await navigate("/instances");
    message.success(t.overview.removed(id));
  });
  const typed = Form.useWatch("typed", form);
  return (
    <Modal
      open
      title={t.overview.removeTitle(id)}
      onCancel={close}
      onOk={form.submit}
      okText={t.overview.remove}
      okButtonProps={{ danger: true, disabled: typed !== id }}
      confirmLoading={busy}
    >
      <Problem error={error} />
      <Typography.Paragraph>{t.overview.removeText(instance.DomainCount, instance.CaCertificateCount, instance.DeviceCount)}</Typography.Paragraph>
      <Form form={form} layout="vertical" onFinish={(given) => (given.typed === id ? void submit(given) : undefined) /* Enter gets here, too */}>
        <Form.Item name="typed" label={t.overview.removeTyped(id)}>
          <Input autoComplete="off" spellCheck={false} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
