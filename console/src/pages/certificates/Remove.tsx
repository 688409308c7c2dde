/* Deletes certificates. One that is in use is refused by the API, which says where. */
import { Alert, App, Modal, Typography } from "antd";
import { useState } from "react";
import { deleteCertificate, type Certificate } from "../../api/certificate";
import { useChanged } from "../../api/instance";
import { useAttempt } from "../../components/attempt";
import { ManyDialog } from "../../components/ManyDialog";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";

export function Remove({ of, close }: { of: Certificate[]; close: () => void }) {
  const t = useText();
  const { message } = App.useApp();
  const changed = useChanged();
  const { attempt, error, busy } = useAttempt();
  const [many, setMany] = useState(false);
  const used = of.filter((c) => c.UsingProductList.length > 0).length;
  const only = of.length === 1 ? of[0] : undefined;

  const remove = (one: Certificate) =>
    attempt(async () => {
      await deleteCertificate(one.CertificateId);
      await changed();
      message.success(t.certificates.deleted(one.CertificateName));
      close();
    });
  if (many)
    return (
      <ManyDialog<Certificate>
        title={t.certificates.deleting}
        items={of}
        one={(c) => deleteCertificate(c.CertificateId)}
        name={(c) => c.CertificateName}
        close={() => {
          void changed();
          close();
        }}
      />
    );
  return (
    <Modal
      open
      title={only === undefined ? t.certificates.deleteMany(of.length) : t.certificates.deleteOne(only.CertificateName)}
      onCancel={close}
      onOk={() => (only === undefined ? setMany(true) : void remove(only))}
      okText={t.common.delete}
      okButtonProps={{ danger: true }}
      confirmLoading={busy}
    >
      <Problem error={error} />
      <Typography.Paragraph>{t.certificates.deleteText}</Typography.Paragraph>
      {used > 0 && (
        <Alert type="warning" showIcon title={only === undefined ? t.certificates.someUsed(used) : t.certificates.isUsed} />
      )}
    </Modal>
  );
}
