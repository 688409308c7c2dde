/* Guides through a registration: the code, the certificates that are made with it, both files. */
import { Alert, Button, Drawer, Flex, Form, Input, Result, Spin, Steps, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router-dom";
import { registerCa, registerCode, type Registration } from "../../api/ca";
import { useChanged, useInstance } from "../../api/instance";
import { ApiLink } from "../../components/ApiLink";
import { Code, Command } from "../../components/Copied";
import { Heading } from "../../components/Heading";
import { PemInput } from "../../components/PemInput";
import { Problem } from "../../components/Problem";
import { useSubmit } from "../../components/submit";
import { useTold } from "../../components/told";
import { useText } from "../../i18n";
import { CA_COMMANDS, verificationCommands } from "./commands";

const LAST = 2;
/* What the verification certificate is refused for, where the error names no parameter. */
const FIELDS = { CaName: "CaName", CaContent: "CaContent", VerificationContent: "VerificationContent", RegisterCodeError: "VerificationContent", RegisterCodeUsed: "VerificationContent", SnNotUnique: "CaContent" };

export function RegisterDrawer({ id, close }: { id: string; close: () => void }) {
  const t = useText();
  const told = useTold();
  const changed = useChanged();
  const [step, setStep] = useState(0);
  const [round, setRound] = useState(1);
  const [made, setMade] = useState<{ name: string; sn: string }>();
  const code = useQuery({ queryKey: ["GetRegisterCode", id, round], gcTime: 0, staleTime: Infinity, queryFn: ({ signal }) => registerCode(id, signal) });
  const { form, submit, error, busy } = useSubmit<Registration>(async (wanted) => {
    const { Sn, rollout } = await registerCa(id, { ...wanted, CaName: wanted.CaName.trim() });
    await changed(id);
    told(rollout);
    setMade({ name: wanted.CaName.trim(), sn: Sn });
  }, FIELDS);
  const footer =
    made !== undefined ? (
      <Button type="primary" onClick={close}>
        {t.common.close}
      </Button>
    ) : (
      <Flex gap={8} justify="flex-end">
        {step > 0 && (
          <Button disabled={busy} onClick={() => setStep(step - 1)}>
            {t.ca.back}
          </Button>
        )}
        <Button type="primary" loading={busy} onClick={() => (step < LAST ? setStep(step + 1) : form.submit())}>
          {step < LAST ? t.ca.next : t.ca.registerNow}
        </Button>
      </Flex>
    );
  return (
    <Drawer open size={760} title={t.ca.register} extra={<ApiLink operation="RegisterCaCertificate" params={{ MqttInstanceId: id }} />} footer={footer} mask={{ closable: false }} onClose={close}>
      {made !== undefined ? (
        <Done id={id} {...made} />
      ) : (
        <>
          <Steps size="small" current={step} onChange={busy ? undefined : setStep} style={{ marginBlockEnd: 24 }} items={[t.ca.steps.code, t.ca.steps.commands, t.ca.steps.files].map((title) => ({ title }))} />
          {step === 0 && <RegistrationCode code={code.data} error={code.error} another={() => setRound(round + 1)} />}
          {step === 1 && <Commands code={code.data} />}
          <div hidden={step !== LAST}>
            <Problem error={error} />
            <Typography.Paragraph>{t.ca.filesText}</Typography.Paragraph>
            <Form form={form} layout="vertical" disabled={busy} onFinish={submit}>
              <Form.Item name="CaName" label={t.ca.name} rules={[{ required: true, whitespace: true, message: t.ca.nameNeeded }]}>
                <Input maxLength={128} />
              </Form.Item>
              <Form.Item name="CaContent" label={t.ca.pem} rules={[{ required: true, whitespace: true, message: t.ca.caNeeded }]}>
                <PemInput label={t.ca.pem} accept=".pem,.crt,.cer" />
              </Form.Item>
              <Form.Item name="VerificationContent" label={t.ca.verificationPem} rules={[{ required: true, whitespace: true, message: t.ca.verificationNeeded }]}>
                <PemInput label={t.ca.verificationPem} accept=".pem,.crt,.cer" />
              </Form.Item>
            </Form>
          </div>
        </>
      )}
    </Drawer>
  );
}

function RegistrationCode({ code, error, another }: { code: string | undefined; error: unknown; another: () => void }) {
  const t = useText();
  return (
    <>
      <Problem error={error} retry={another} />
      <Typography.Paragraph>{t.ca.codeText}</Typography.Paragraph>
      {code === undefined ? error === null && <Spin /> : <Command text={code} label={t.ca.code} />}
      <Flex wrap gap={8} align="center">
        <Typography.Text type="secondary">{t.ca.codeOnce}</Typography.Text>
        <Button size="small" disabled={code === undefined} onClick={another}>
          {t.ca.newCode}
        </Button>
      </Flex>
    </>
  );
}

function Commands({ code }: { code: string | undefined }) {
  const t = useText();
  return (
    <>
      <Heading text={t.ca.caCommands} />
      <Typography.Paragraph>{t.ca.caCommandsText}</Typography.Paragraph>
      <Command text={CA_COMMANDS} label={t.ca.caCommands} />
      <Heading text={t.ca.verificationCommands} />
      <Typography.Paragraph>{t.ca.verificationCommandsText}</Typography.Paragraph>
      {code === undefined ? <Spin /> : <Command text={verificationCommands(code)} label={t.ca.verificationCommands} />}
    </>
  );
}

function Done({ id, name, sn }: { id: string; name: string; sn: string }) {
  const t = useText();
  const oneWay = useInstance(id).data?.AuthenticationMode === "one-way";
  return (
    <>
      <Result
        status="success"
        title={t.ca.registered(name)}
        subTitle={t.ca.registeredText}
        extra={
          <span>
            {t.ca.sn}: <Code>{sn}</Code>
          </span>
        }
      />
      {oneWay && (
        <Alert type="info" showIcon title={t.ca.oneWay} action={<Link to={`/instances/${id}/server-certificate`}>{t.ca.toMode}</Link>} />
      )}
    </>
  );
}
