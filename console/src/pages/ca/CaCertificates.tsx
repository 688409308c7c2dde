/* The CA certificates that devices' certificates may come from. */
import { PlusOutlined } from "@ant-design/icons";
import { Alert, Button } from "antd";
import { useState } from "react";
import { useCas, type Ca } from "../../api/ca";
import { useStandard } from "../../api/instance";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { useLastPage } from "../../components/lastPage";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { CaActDialog, type CaAction } from "./CaActDialog";
import { CaDrawer } from "./CaDrawer";
import { CaTable } from "./CaTable";
import { RegisterDrawer } from "./RegisterDrawer";

const PAGE = 20;

export default function CaCertificates() {
  const t = useText();
  const id = useInstanceId();
  const may = useMay();
  const [page, setPage] = useState(1);
  const [registering, setRegistering] = useState(false);
  const [shown, setShown] = useState<string>();
  const [act, setAct] = useState<{ action: CaAction; ca: Ca }>();
  const { data, error, isPending, refetch } = useCas(id, page, PAGE);
  useLastPage(page, PAGE, data?.Total, setPage);
  const standard = useStandard(id);
  return (
    <>
      <PageHead
        title={t.ca.title}
        note={t.ca.note}
        actions={
          may("RegisterCaCertificate", id) && may("GetRegisterCode", id) && !standard && (
            <Button type="primary" icon={<PlusOutlined />} onClick={() => setRegistering(true)}>
              {t.ca.register}
            </Button>
          )
        }
        api={<ApiLink operation="ListCaCertificate" params={{ MqttInstanceId: id, PageNo: page, PageSize: PAGE }} />}
      />
      {standard && <Alert type="info" showIcon style={{ marginBlockEnd: 16 }} title={t.ca.noEdition} />}
      <Problem error={error} retry={() => void refetch()} />
      <CaTable
        id={id}
        rows={data?.CaCertificateVOS ?? []}
        loading={isPending}
        pagination={{ current: page, pageSize: PAGE, total: data?.Total ?? 0, onChange: setPage, showSizeChanger: false, hideOnSinglePage: true }}
        show={setShown}
        act={(action, ca) => setAct({ action, ca })}
      />
      {registering && <RegisterDrawer id={id} close={() => setRegistering(false)} />}
      {shown !== undefined && <CaDrawer id={id} sn={shown} close={() => setShown(undefined)} />}
      {act !== undefined && <CaActDialog id={id} {...act} close={() => setAct(undefined)} />}
    </>
  );
}
