/* Somebody else has changed the domains since they were read. The table has it already; the draft is on top of it. */
import { Modal, Table, Typography } from "antd";
import { State } from "../../components/format";
import { useText } from "../../i18n";
import type { Draft, Moved } from "./draft";
import type { MovedBy } from "./work";

export function MovedDialog({ moved, draft, close }: { moved: MovedBy; draft: Draft; close: () => void }) {
  const t = useText();
  const shown = (identifier: string) => (identifier === "" ? <Typography.Text type="secondary">{t.domains.notThere}</Typography.Text> : identifier);
  return (
    <Modal open width={720} title={t.domains.movedTitle} onCancel={close} onOk={close} okText={t.domains.movedSeen} cancelButtonProps={{ hidden: true }}>
      <Typography.Paragraph>{t.domains.movedText(moved.from, moved.to)}</Typography.Paragraph>
      <Table<Moved>
        rowKey="Domain"
        size="small"
        dataSource={moved.domains}
        pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
        scroll={{ x: "max-content" }}
        columns={[
          {
            title: t.domains.domain,
            dataIndex: "Domain",
            render: (domain: string) => (
              <>
                {domain === "" ? t.domains.defaultCertificate : domain}{" "}
                {(domain === "" ? draft.defaultCertificate !== undefined : draft.changes.has(domain)) && <State mood="warning">{t.domains.yoursToo}</State>}
              </>
            ),
          },
          { title: t.domains.whenRead, dataIndex: "before", render: shown },
          { title: t.domains.now, dataIndex: "after", render: shown },
        ]}
      />
    </Modal>
  );
}
