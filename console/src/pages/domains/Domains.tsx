/* Domain → certificate: what is served, and changes that are gathered, previewed and applied in one go. */
import { ImportOutlined, PlusOutlined, SafetyOutlined } from "@ant-design/icons";
import { Alert, Button, Progress, Typography } from "antd";
import { useState } from "react";
import { useStandard } from "../../api/instance";
import { useMay } from "../../api/session";
import { useSniConfig, type SniConfig } from "../../api/sni";
import { ApiLink } from "../../components/ApiLink";
import { useAskBeforeLeaving } from "../../components/leaving";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { VerifyDrawer } from "../verify/VerifyDrawer";
import { DefaultCertificate } from "./DefaultCertificate";
import { DomainTable } from "./DomainTable";
import { DraftBar } from "./DraftBar";
import type { Row } from "./draft";
import { Import } from "./Import";
import { MovedDialog } from "./MovedDialog";
import { Passwords } from "./Passwords";
import { Rollout } from "./Rollout";
import { RowForm } from "./RowForm";
import { useWork } from "./work";

type Dialog = { what: "form"; of: Row[] } | { what: "import" } | { what: "verify"; domain: string };

export default function Domains() {
  const id = useInstanceId();
  return <DomainsOf key={id} id={id} />;
}

function DomainsOf({ id }: { id: string }) {
  const t = useText();
  const may = useMay();
  const [read, setRead] = useState({ done: 0, total: 0 });
  const [dialog, setDialog] = useState<Dialog>();
  const config = useSniConfig(id, (done, total) => setRead({ done, total }));
  const standard = useStandard(id);
  const mayChange = may("SetSniConfig", id) && !standard;
  return (
    <>
      <PageHead
        title={t.domains.title}
        note={t.domains.note}
        actions={
          <>
            {mayChange && (
              <Button type="primary" icon={<PlusOutlined />} disabled={config.data === undefined} onClick={() => setDialog({ what: "form", of: [] })}>
                {t.domains.add}
              </Button>
            )}
            {mayChange && (
              <Button icon={<ImportOutlined />} disabled={config.data === undefined} onClick={() => setDialog({ what: "import" })}>
                {t.domains.import}
              </Button>
            )}
            {may("VerifyDomain", id) && (
              <Button icon={<SafetyOutlined />} onClick={() => setDialog({ what: "verify", domain: "" })}>
                {t.verify.any}
              </Button>
            )}
          </>
        }
        api={<ApiLink operation="GetSniConfig" params={{ MqttInstanceId: id }} />}
      />
      {standard && <Alert type="info" showIcon style={{ marginBlockEnd: 16 }} title={t.domains.noEdition} />}
      <Problem error={config.error} retry={() => void config.refetch()} />
      {config.data === undefined && config.isPending && <Reading {...read} />}
      {config.data !== undefined && (
        <Configured id={id} base={config.data} reload={async () => (await config.refetch({ throwOnError: true })).data} mayChange={mayChange} dialog={dialog} setDialog={setDialog} />
      )}
      {dialog?.what === "verify" && <VerifyDrawer instance={id} domain={dialog.domain} close={() => setDialog(undefined)} />}
    </>
  );
}

function Reading({ done, total }: { done: number; total: number }) {
  const t = useText();
  return (
    <div aria-live="polite" style={{ minHeight: 320 }}>
      <Typography.Text>{t.domains.reading(done, total)}</Typography.Text>
      <Progress percent={total === 0 ? 0 : Math.floor((100 * done) / total)} aria-label={t.domains.reading(done, total)} />
    </div>
  );
}

interface ConfiguredOf {
  id: string;
  base: SniConfig;
  reload: () => Promise<SniConfig | undefined>;
  mayChange: boolean;
  dialog: Dialog | undefined;
  setDialog: (dialog: Dialog | undefined) => void;
}

function Configured({ id, base, reload, mayChange, dialog, setDialog }: ConfiguredOf) {
  const work = useWork(id, base, reload);
  useAskBeforeLeaving(work.changed);
  const close = () => setDialog(undefined);
  return (
    <>
      <DefaultCertificate work={work} mayChange={mayChange} />
      {mayChange && <DraftBar work={work} />}
      <DomainTable work={work} mayChange={mayChange} edit={(of) => setDialog({ what: "form", of })} verify={(domain) => setDialog({ what: "verify", domain })} />
      {dialog?.what === "form" && <RowForm work={work} of={dialog.of} close={close} />}
      {dialog?.what === "import" && <Import work={work} close={close} />}
      {work.asked.length > 0 && <Passwords work={work} />}
      {work.moved !== undefined && <MovedDialog moved={work.moved} draft={work.draft} close={work.answered} />}
      {work.rollout && <Rollout instance={id} close={work.answered} />}
    </>
  );
}
