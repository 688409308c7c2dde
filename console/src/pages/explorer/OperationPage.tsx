/* One operation: form, call, answer, code, and what it may refuse. */
import { Alert, App, Button, Col, Collapse, Flex, Row, Table, Tabs, Typography } from "antd";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router-dom";
import { callWithRollout, type Answer } from "../../api/call";
import { useChanged } from "../../api/instance";
import type { Operation } from "../../api/openapi";
import { useMay } from "../../api/session";
import { LANGUAGES } from "../../codegen";
import { useAttempt } from "../../components/attempt";
import { Section } from "../../components/Heading";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { AnswerView, type Outcome } from "./AnswerView";
import { ParameterForm } from "./ParameterForm";
import { codeCall, complaint, filledIn, flatNames, itemsTyped, type Typed } from "./params";

function wrongOf(operation: Operation, typed: Typed): boolean {
  return operation.parameters.some((p) => flatNames(p, itemsTyped(p, typed)).some(({ name, schema }) => complaint(schema, typed[name] ?? "") !== undefined));
}

export function OperationPage({ operation }: { operation: Operation }) {
  const t = useText();
  const may = useMay();
  const changed = useChanged();
  const [query] = useSearchParams();
  const [typed, setTyped] = useState<Typed>(() => Object.fromEntries(query));
  const [outcome, setOutcome] = useState<Outcome>();
  const { attempt, error, busy } = useAttempt();
  const allowed = may(operation.name, typed[operation.instance]);
  const lacking = operation.parameters.filter((p) => p.required === true && flatNames(p, 1).every(({ name }) => (typed[name] ?? "") === ""));

  const changes = operation.level !== "read" && typed["DryRun"] !== "true";
  const { modal } = App.useApp();
  function ask() {
    if (!changes) return void send();
    modal.confirm({
      title: t.explorer.sureTitle(operation.name, typed[operation.instance] ?? ""),
      content: operation.name.startsWith("Delete") ? t.explorer.deletes : t.explorer.changes,
      okText: t.explorer.call,
      okButtonProps: { danger: true },
      onOk: () => void send(),
    });
  }

  const send = () =>
    attempt(async () => {
      setOutcome(undefined);
      const began = performance.now();
      const { answer, rollout } = await callWithRollout<Answer>(operation.name, Object.fromEntries(filledIn(operation, typed)));
      setOutcome({ answer, rollout, ms: Math.round(performance.now() - began) });
      if (changes) await changed();
    });
  return (
    <Row gutter={[24, 24]}>
      <Col xs={24} lg={11}>
        <Section title={t.explorer.parameters}>
          {operation.level !== "read" && <Alert type="warning" showIcon style={{ marginBlockEnd: 16 }} title={operation.name.startsWith("Delete") ? t.explorer.deletes : t.explorer.changes} />}
          <ParameterForm operation={operation} typed={typed} type={setTyped} />
          <Flex wrap gap={12} align="center">
            <Button type="primary" danger={operation.level !== "read"} loading={busy} disabled={!allowed || lacking.length > 0 || wrongOf(operation, typed)} onClick={ask}>
              {t.explorer.call}
            </Button>
            <Typography.Text type="secondary">{allowed ? lacking.length > 0 && t.explorer.lacking(lacking.map((p) => p.name).join(", ")) : t.explorer.mayNot(operation.action)}</Typography.Text>
          </Flex>
        </Section>
      </Col>
      <Col xs={24} lg={13}>
        <Flex vertical gap={16}>
          <div aria-live="polite" style={{ display: error === null && outcome === undefined ? "none" : undefined }}>
            <Problem error={error} />
            {outcome !== undefined && <AnswerView of={outcome} />}
          </div>
          <Section title={t.explorer.code}>
            <CodeTabs operation={operation} typed={typed} />
          </Section>
          <Documented of={operation} />
        </Flex>
      </Col>
    </Row>
  );
}

function CodeTabs({ operation, typed }: { operation: Operation; typed: Typed }) {
  const t = useText();
  const call = useMemo(() => codeCall(operation, typed, new URL(location.origin)), [operation, typed]);
  const secret = call.params.some(([, value]) => "file" in value);
  return (
    <>
      <Typography.Paragraph type="secondary">
        {t.explorer.environment}
        {secret && ` ${t.explorer.secretFile}`}
      </Typography.Paragraph>
      <Tabs
        items={LANGUAGES.map(({ key, label, write }) => {
          const text = write(call);
          return {
            key,
            label,
            children: (
              <Flex align="flex-start" gap={8}>
                <pre data-code={key} tabIndex={0} aria-label={label} style={{ flex: 1, minWidth: 0, margin: 0, maxHeight: 480, overflow: "auto", fontSize: 12 }}>
                  {text}
                </pre>
                <Typography.Text copyable={{ text }} />
              </Flex>
            ),
          };
        })}
      />
    </>
  );
}

function Documented({ of }: { of: Operation }) {
  const t = useText();
  return (
    <Collapse
      items={[
        { key: "answer", label: t.explorer.documentedAnswer, children: <pre style={{ margin: 0, overflow: "auto" }} tabIndex={0}>{JSON.stringify(of.example, null, 2)}</pre> },
        {
          key: "errors",
          label: t.explorer.documentedErrors(of.errors.length),
          children: (
            <Table
              rowKey="code"
              size="small"
              pagination={false}
              scroll={{ x: "max-content" }}
              dataSource={of.errors}
              columns={[
                { title: "Code", dataIndex: "code", render: (code: string) => <Typography.Text code>{code}</Typography.Text> },
                { title: "HTTP", dataIndex: "http" },
                { title: "Message", dataIndex: "message" },
              ]}
            />
          ),
        },
      ]}
    />
  );
}
