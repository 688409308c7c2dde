/* What is gathered and not applied, its preview, and the way into force. */
import { Alert, Button, Card, Flex, Spin, Typography } from "antd";
import { ApiLink } from "../../components/ApiLink";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { NO_DRAFT, sentOf } from "./draft";
import type { Checked, Work } from "./work";

const LINK_CHARACTERS = 2000; /* what an address takes well */

export function DraftBar({ work }: { work: Work }) {
  const t = useText();
  const { counts, draft, busy, checked } = work;
  if (!work.changed) return work.error === null ? null : <Problem error={work.error} />;
  const ready = checked?.report.Success === "true";
  return (
    <Card size="small" style={{ marginBlockEnd: 16 }} role="region" aria-label={t.domains.draft}>
      <Flex wrap justify="space-between" align="center" gap={12}>
        <div aria-live="polite">
          <b>{t.domains.draft}</b>
          <br />
          {t.domains.counts(counts.added, counts.changed, counts.removed, work.defaultChanged)}
        </div>
        <Flex wrap gap={8} align="center">
          <Button disabled={busy !== undefined} onClick={() => work.setDraft(NO_DRAFT)}>
            {t.domains.undoAll}
          </Button>
          <Button type={ready ? "default" : "primary"} loading={busy === "previewing"} disabled={busy === "applying" || work.defaultCertificate === ""} onClick={() => void work.preview()}>
            {t.domains.preview}
          </Button>
          <Button type={ready ? "primary" : "default"} loading={busy === "applying"} disabled={!ready || busy === "previewing"} onClick={() => void work.apply()}>
            {t.domains.apply}
          </Button>
          <ApiLink operation="SetSniConfig" params={callOf(work)} />
        </Flex>
      </Flex>
      <div style={{ marginBlockStart: 8 }} aria-live="polite">
        <Problem error={work.error} />
        {busy !== undefined && (
          <Typography.Text type="secondary">
            <Spin size="small" /> {t.domains.busy[busy](counts.same + counts.added + counts.changed)}
          </Typography.Text>
        )}
        {busy === undefined && checked === undefined && (
          <Typography.Text type="secondary">{work.defaultCertificate === "" ? t.domains.defaultFirst : draft.passwords.size > 0 ? t.domains.previewFirstPasswords : t.domains.previewFirst}</Typography.Text>
        )}
        {busy === undefined && checked !== undefined && <Outcome of={checked} />}
      </div>
    </Card>
  );
}

/* Without passwords: an address is seen by others. */
function callOf(work: Work) {
  const { text } = sentOf(work.rows, NO_DRAFT);
  return {
    MqttInstanceId: work.instance,
    DefaultCertificate: work.defaultCertificate === "" ? undefined : work.defaultCertificate,
    SniConfig: text.length <= LINK_CHARACTERS ? text : undefined,
    DryRun: true,
  };
}

function Outcome({ of }: { of: Checked }) {
  const t = useText();
  const { report } = of;
  const good = report.Success === "true";
  return (
    <Alert
      type={!good ? "error" : report.WarningCount > 0 ? "warning" : "success"}
      showIcon
      title={good ? t.domains.canBeApplied(report.WarningCount) : t.domains.cannotBeApplied(report.ProblemCount)}
      description={
        <>
          {t.domains.previewCounts(report.Added, report.Changed, report.Removed, report.Unchanged)}
          {of.general.map((text) => (
            <div key={text}>{text}</div>
          ))}
          {!good && (
            <div>
              {t.common.requestId}{" "}
              <Typography.Text code copyable={{ tooltips: false }}>
                {report.RequestId}
              </Typography.Text>
            </div>
          )}
        </>
      }
    />
  );
}
