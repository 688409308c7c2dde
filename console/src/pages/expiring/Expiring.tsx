/* What expires when: a calendar of the months to come, and the certificates of a day or of all days. */
import { Alert, Button, Empty, Flex, Segmented, Select, Spin } from "antd";
import { useState } from "react";
import { EXPIRING_MAX, useExpiring, type ExpiringCertificate, type ExpiringType } from "../../api/expiring";
import { ApiLink } from "../../components/ApiLink";
import { Section } from "../../components/Heading";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { Calendar } from "./Calendar";
import { dayOf, type Day } from "./days";
import { ExpiringTable } from "./ExpiringTable";

const RANGES = [30, 90, 180, 365];
const TYPES: ExpiringType[] = ["server", "ca", "device"];

export default function Expiring() {
  const t = useText();
  const [within, setWithin] = useState(90);
  const [type, setType] = useState<ExpiringType>();
  const [day, setDay] = useState<Day>();
  const { data, error, isPending, refetch } = useExpiring(within, type);
  const shown = data?.certificates.filter((c) => day === undefined || dayOf(c.NotAfter) === day);
  return (
    <>
      <PageHead title={t.expiring.title} note={t.expiring.note} api={<ApiLink operation="ListExpiringCertificates" params={{ WithinDays: within, Type: type }} />} />
      <Flex wrap gap={12} style={{ marginBlockEnd: 16 }}>
        <Segmented
          aria-label={t.expiring.within}
          value={within}
          options={RANGES.map((value) => ({ value, label: t.expiring.days(value) }))}
          onChange={(days) => {
            setWithin(days);
            setDay(undefined);
          }}
        />
        <Select<ExpiringType | "all">
          aria-label={t.expiring.type}
          value={type ?? "all"}
          style={{ minWidth: 160 }}
          options={[{ value: "all" as const, label: t.common.all }, ...TYPES.map((value) => ({ value, label: t.expiring.types[value] }))]}
          onChange={(chosen) => {
            setType(chosen === "all" ? undefined : chosen);
            setDay(undefined);
          }}
        />
      </Flex>
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <Spin />}
      {data !== undefined && data.total > EXPIRING_MAX && <Alert type="info" showIcon style={{ marginBlockEnd: 16 }} title={t.expiring.only(data.certificates.length, data.total)} />}
      {data !== undefined && data.certificates.length === 0 && <Empty description={t.expiring.none} />}
      {shown !== undefined && data !== undefined && data.certificates.length > 0 && (
        <Flex vertical gap={16}>
          <Section title={t.expiring.calendar}>
            <Calendar certificates={data.certificates} days={within} chosen={day} choose={(d) => setDay(d === day ? undefined : d)} />
          </Section>
          <Section
            title={t.expiring.list}
            extra={day !== undefined && <Button size="small" onClick={() => setDay(undefined)}>{t.expiring.showAll}</Button>}
          >
            <ExpiringTable rows={shown satisfies ExpiringCertificate[]} />
          </Section>
        </Flex>
      )}
    </>
  );
}
