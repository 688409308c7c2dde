/* The instances that the key may see; a new one. */
import { PlusOutlined } from "@ant-design/icons";
import { App, Button, Form, Input, Modal, Select, Table } from "antd";
import { useState } from "react";
import { Link, useNavigate } from "react-router-dom";
import { call, type Answer } from "../../api/call";
import { useChanged, useInstances, type InstanceRow } from "../../api/instance";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { Time } from "../../components/format";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useText } from "../../i18n";

export default function Instances() {
  const t = useText();
  const may = useMay();
  const instances = useInstances();
  const [creating, setCreating] = useState(false);
  return (
    <>
      <PageHead
        title={t.instances.title}
        note={t.instances.note}
        actions={
          may("CreateInstance") && (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => setCreating(true)}>
              {t.instances.create}
            </Button>
          )
        }
        api={<ApiLink operation="ListInstances" />}
      />
      <Problem error={instances.error} retry={() => void instances.refetch()} />
      <Table<InstanceRow>
        rowKey="InstanceId"
        loading={instances.isPending}
        dataSource={instances.data ?? []}
        pagination={{ hideOnSinglePage: true, pageSize: 50 }}
        scroll={{ x: "max-content" }}
        locale={{ emptyText: instances.isError ? " " : t.instances.none }}
        columns={[
          { title: t.instances.id, dataIndex: "InstanceId", render: (id: string) => <Link to={`/instances/${id}`}>{id}</Link> },
          { title: t.instances.name, dataIndex: "InstanceName" },
          { title: t.instances.created, dataIndex: "CreateTime", render: (at: number) => <Time at={at} /> },
        ]}
      />
      {creating && <Create close={() => setCreating(false)} />}
    </>
  );
}

interface Wanted {
  id?: string;
  name?: string;
  edition: string;
}

function Create({ close }: { close: () => void }) {
  const t = useText();
  const { message } = App.useApp();
  const navigate = useNavigate();
  const changed = useChanged();
  const { form, submit, error, busy } = useSubmit<Wanted>(
    async (v) => {
      const made = await call<Answer & { MqttInstanceId: string }>("CreateInstance", {
        MqttInstanceId: v.id || undefined,
        InstanceName: v.name || undefined,
        Edition: v.edition,
      });
      await changed();
      message.success(t.instances.made(made.MqttInstanceId));
      navigate(`/instances/${made.MqttInstanceId}`);
    },
    { MqttInstanceId: "id", InstanceName: "name", Edition: "edition" },
  );
  return (
    <Modal open title={t.instances.create} onCancel={close} onOk={form.submit} okText={t.instances.create} confirmLoading={busy}>
      <Problem error={error} />
      <Form form={form} layout="vertical" onFinish={submit} initialValues={{ edition: "platinum" }}>
        <Form.Item name="id" label={t.instances.id} extra={t.instances.idDrawn}>
          <Input autoFocus spellCheck={false} maxLength={64} />
        </Form.Item>
        <Form.Item name="name" label={t.instances.name}>
          <Input maxLength={64} />
        </Form.Item>
        <Form.Item name="edition" label={t.instances.edition} extra={t.instances.editionNote}>
          <Select options={["platinum", "professional", "standard"].map((value) => ({ value, label: t.instances.editions[value] }))} />
        </Form.Item>
        <button type="submit" hidden /> {/* for who presses Enter */}
      </Form>
    </Modal>
  );
}
