/* Every operation of the API: a form, the call, its answer, and the same call as code. */
import { Col, Empty, Row, Spin } from "antd";
import { useNavigate, useParams } from "react-router-dom";
import { useOperations } from "../../api/openapi";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { OperationChoice } from "./OperationChoice";
import { OperationPage } from "./OperationPage";

export default function Explorer() {
  const t = useText();
  const navigate = useNavigate();
  const name = useParams()["operation"];
  const { data, error, isPending, refetch } = useOperations();
  const chosen = data?.find((o) => o.name === name);
  return (
    <>
      <PageHead title={chosen?.name ?? t.explorer.title} note={chosen === undefined ? t.explorer.note : chosen.summary} />
      <Problem error={error} retry={() => void refetch()} />
      {isPending && <Spin />}
      {data !== undefined && (
        <Row gutter={[24, 16]}>
          <Col xs={24} xl={6}>
            <OperationChoice operations={data} chosen={name} choose={(to) => navigate(`/explorer/${to}`)} />
          </Col>
          <Col xs={24} xl={18}>
            {chosen === undefined ? <Empty description={name === undefined ? t.explorer.choose : t.explorer.unknown(name)} /> : <OperationPage key={chosen.name} operation={chosen} />}
          </Col>
        </Row>
      )}
    </>
  );
}
