/* What of this instance ends next. */
import { Link } from "react-router-dom";
import { NEXT_DAYS, useNextToExpire } from "../../api/expiring";
import { useMay } from "../../api/session";
import { Section } from "../../components/Heading";
import { useText } from "../../i18n";
import { ExpiringTable } from "../expiring/ExpiringTable";

export function NextToExpire({ id }: { id: string }) {
  const t = useText();
  const mayList = useMay()("ListExpiringCertificates", id);
  const { data } = useNextToExpire(id, mayList);
  if (data === undefined) return null;
  const { Certificates: rows, TotalCount: total } = data;
  return (
    <Section title={t.overview.ending} extra={total > rows.length && <Link to="/expiring">{t.overview.allEnding(total)}</Link>}>
      {rows.length === 0 ? t.overview.nothingEnds(NEXT_DAYS) : <ExpiringTable rows={rows} ofOne />}
    </Section>
  );
}
