/* One instance at a glance: what it has, who serves it, what comes next. */
import { CheckCircleOutlined, RightCircleOutlined } from "@ant-design/icons";
import { Button, Card, Col, Descriptions, Flex, Row, Spin, Statistic, Typography } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import { useBrokerStatus, type BrokerStatus } from "../../api/broker";
import { useInstance, type Instance } from "../../api/instance";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { Time } from "../../components/format";
import { Section } from "../../components/Heading";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { DeleteInstance } from "./DeleteInstance";
import { NextToExpire } from "./NextToExpire";
import { Nodes } from "./Nodes";

const LIVE_MS = 5_000;

export default function Overview() {
  const t = useText();
  const may = useMay();
  const id = useInstanceId();
  const mayAsk = may("GetBrokerStatus", id);
  const { data, error, isPending, refetch } = useInstance(id, true, mayAsk ? false : LIVE_MS); /* else only this says who is there */
  const status = useBrokerStatus(id, LIVE_MS, mayAsk).data;
  const [deleting, setDeleting] = useState(false);
  return (
    <>
      <PageHead
        title={t.overview.title}
        actions={
          data !== undefined && may("DeleteInstance", id) && (
            <Button danger onClick={() => setDeleting(true)}>
              {t.overview.remove}
            </Button>
          )
        }
        api={<ApiLink operation="DescribeInstance" params={{ MqttInstanceId: id }} />}
      />
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <Spin />}
      {data !== undefined && <Glance of={data} status={status} />}
      {data !== undefined && deleting && <DeleteInstance instance={data} close={() => setDeleting(false)} />}
    </>
  );
}

/* `status`: undefined when nothing is known of the brokers. */
function Glance({ of, status }: { of: Instance; status: BrokerStatus | undefined }) {
  const t = useText();
  const path = `/instances/${of.MqttInstanceId}`;
  const numbers: [string, number | undefined, string][] = [
    [t.overview.domains, of.DomainCount, "domains"],
    [t.overview.cas, of.CaCertificateCount, "ca"],
    [t.overview.devices, of.DeviceCount, "devices"],
    [t.overview.connected, status?.Local?.Counters["Connections"], "sessions"], /* of the broker on the API's machine */
  ];
  return (
    <Flex vertical gap={16}>
      <Row gutter={[16, 16]}>
        {numbers.map(([title, value, tab]) => (
          <Col key={tab} xs={12} lg={6}>
            <Link to={`${path}/${tab}`}>
              <Card hoverable size="small">
                <Statistic title={title} value={value ?? "–"} />
              </Card>
            </Link>
          </Col>
        ))}
      </Row>
      <NextSteps of={of} />
      <Card size="small">
        <Descriptions
          column={{ xs: 1, lg: 2 }}
          items={[
            { key: "edition", label: t.overview.edition, children: t.instances.editions[of.Edition] ?? of.Edition },
            { key: "mode", label: t.overview.mode, children: <Link to={`${path}/server-certificate`}>{t.overview.modes[of.AuthenticationMode]}</Link> },
            { key: "default", label: t.overview.defaultCertificate, children: of.DefaultCertificate === "" ? t.overview.noDefault : of.DefaultCertificate },
            { key: "revision", label: t.overview.revision, children: <Link to={`${path}/history`}>{of.Revision}</Link> },
            { key: "created", label: t.overview.created, children: <Time at={of.CreateTime} /> },
          ]}
        />
      </Card>
      <Nodes of={of} live={status?.Nodes} />
      <NextToExpire id={of.MqttInstanceId} />
    </Flex>
  );
}

/* What somebody who has just made the instance does, in order; gone once all of it is done. */
function NextSteps({ of }: { of: Instance }) {
  const t = useText();
  const path = `/instances/${of.MqttInstanceId}`;
  const steps: [boolean, string, string][] = [
    [of.DefaultCertificate !== "", t.overview.steps.certificate, "/certificates"],
    [of.DomainCount > 0, t.overview.steps.domains, `${path}/domains`],
    [of.CaCertificateCount > 0, t.overview.steps.ca, `${path}/ca`],
    [of.AuthenticationMode === "mutual", t.overview.steps.mode, `${path}/server-certificate`],
  ];
  if (steps.every(([done]) => done)) return null;
  return (
    <Section title={t.overview.next}>
      <Flex vertical gap={8} component="ol" style={{ margin: 0, paddingInlineStart: 0, listStyle: "none" }}>
        {steps.map(([done, text, to]) => (
          <li key={text}>
            {done ? (
              <Typography.Text type="secondary">
                <CheckCircleOutlined /> <s>{text}</s>
              </Typography.Text>
            ) : (
              <Link to={to}>
                <RightCircleOutlined /> {text}
              </Link>
            )}
          </li>
        ))}
      </Flex>
    </Section>
  );
}
