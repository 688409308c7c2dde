/* The broker's counters: rates of the last minutes as small charts, and what there is now as numbers. */
import { Card, Col, Row, Statistic, Typography } from "antd";
import { useEffect, useState } from "react";
import { Sparkline } from "../../components/Sparkline";
import { useLanguage, useText } from "../../i18n";

const SAMPLES = 60;
const RATES = ["Handshakes", "HandshakesFailed", "Connects", "ConnectsRefused", "MessagesReceived", "MessagesSent"];
const NUMBERS = ["Connections", "DeviceConnections", "Sessions", "Subscriptions", "MessagesQueued", "HandshakesResumed"];

interface Sample {
  at: number; /* milliseconds */
  counters: Record<string, number>;
}

/* How much each second between two samples. */
function rates(samples: readonly Sample[], name: string): number[] {
  return samples.slice(1).map((s, n) => {
    const before = samples[n]!;
    return Math.max(0, ((s.counters[name] ?? 0) - (before.counters[name] ?? 0)) / Math.max(0.001, (s.at - before.at) / 1000));
  });
}

export function Charts({ counters, at }: Sample) {
  const t = useText();
  const { locale } = useLanguage();
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => {
    setSamples((before) => (before.at(-1)?.at === at ? before : [...before, { at, counters }].slice(-SAMPLES - 1)));
  }, [at, counters]);
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  return (
    <>
      <Row gutter={[16, 16]}>
        {RATES.map((name) => {
          const values = rates(samples, name);
          const now = format.format(values.at(-1) ?? 0);
          return (
            <Col key={name} xs={24} sm={12} xl={8}>
              <Card size="small" variant="borderless">
                <Statistic title={t.brokers.charts[name]} value={counters[name] ?? 0} suffix={<Typography.Text type="secondary">· {t.brokers.now(now)}</Typography.Text>} />
                <Sparkline values={values} room={SAMPLES} label={`${t.brokers.charts[name]}: ${t.brokers.now(now)}`} />
              </Card>
            </Col>
          );
        })}
      </Row>
      <Row gutter={[16, 16]} style={{ marginBlockStart: 16 }}>
        {NUMBERS.map((name) => (
          <Col key={name} xs={12} sm={8} xl={4}>
            <Statistic title={t.brokers.numbers[name]} value={counters[name] ?? 0} />
          </Col>
        ))}
      </Row>
    </>
  );
}
