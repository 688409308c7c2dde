/* The account's server certificates: list, upload, delete. */
import { FolderOpenOutlined, UploadOutlined } from "@ant-design/icons";
import { App, Button, Flex, Input, Segmented } from "antd";
import { useEffect, useState } from "react";
import { useCertificates, type Certificate, type CertificateStatus } from "../../api/certificate";
import { useMay } from "../../api/session";
import { ApiLink } from "../../components/ApiLink";
import { useLastPage } from "../../components/lastPage";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { CertificateDrawer } from "./CertificateDrawer";
import { CertificateTable } from "./CertificateTable";
import { Remove } from "./Remove";
import { UploadForm } from "./UploadForm";
import { UploadMany } from "./UploadMany";

type Dialog = { what: "upload" } | { what: "many" } | { what: "detail"; id: string } | { what: "delete"; of: Certificate[] };

const PAGE = 50;
const SETTLED_MS = 250;
const STATES: (CertificateStatus | "all")[] = ["all", "issued", "willExpire", "expired"];

export default function Certificates() {
  const t = useText();
  const may = useMay();
  const { message } = App.useApp();
  const [typed, setTyped] = useState("");
  const keyword = useSettled(typed.trim());
  const [state, setState] = useState<CertificateStatus | "all">("all");
  const [page, setPage] = useState(1);
  const [dialog, setDialog] = useState<Dialog>();
  const search = { Keyword: keyword === "" ? undefined : keyword, CertificateStatus: state === "all" ? undefined : state };
  const { data, error, isPending, isPlaceholderData, refetch } = useCertificates({ ...search, CurrentPage: page, ShowSize: PAGE });
  useLastPage(page, PAGE, isPlaceholderData ? undefined : data?.TotalCount, setPage);
  const close = () => setDialog(undefined);
  const mayUpload = may("UploadUserCertificate");
  return (
    <>
      <PageHead
        title={t.certificates.title}
        note={t.certificates.note}
        actions={
          <>
            {mayUpload && (
              <Button type="primary" icon={<UploadOutlined />} onClick={() => setDialog({ what: "upload" })}>
                {t.certificates.upload}
              </Button>
            )}
            {mayUpload && (
              <Button icon={<FolderOpenOutlined />} onClick={() => setDialog({ what: "many" })}>
                {t.certificates.uploadMany}
              </Button>
            )}
          </>
        }
        api={<ApiLink operation="ListCertificates" params={search} />}
      />
      <Problem error={error} retry={() => void refetch()} />
      <Flex wrap gap={12} style={{ marginBlockEnd: 12 }}>
        <Input
          type="search"
          allowClear
          aria-label={t.certificates.search}
          placeholder={t.certificates.search}
          maxLength={256}
          value={typed}
          onChange={(e) => {
            setTyped(e.target.value);
            setPage(1);
          }}
          style={{ maxWidth: 320 }}
        />
        <Segmented<CertificateStatus | "all">
          aria-label={t.certificates.state}
          value={state}
          options={STATES.map((value) => ({ value, label: t.certificates.states[value] }))}
          onChange={(value) => {
            setState(value);
            setPage(1);
          }}
        />
      </Flex>
      <CertificateTable
        certificates={data?.CertificateList ?? []}
        loading={isPending || isPlaceholderData || keyword !== typed.trim() /* what is there is not what was asked for */}
        page={{ current: page, pageSize: PAGE, total: data?.TotalCount ?? 0, onChange: setPage }}
        empty={error !== null ? " " : keyword === "" && state === "all" ? t.certificates.none : t.certificates.noneFound}
        open={(id) => setDialog({ what: "detail", id })}
        remove={(of) => setDialog({ what: "delete", of })}
      />
      {dialog?.what === "upload" && <UploadForm close={close} made={(identifier) => message.success(t.certificates.uploaded(identifier))} />}
      {dialog?.what === "many" && <UploadMany close={close} />}
      {dialog?.what === "detail" && <CertificateDrawer id={dialog.id} close={close} />}
      {dialog?.what === "delete" && <Remove of={dialog.of} close={close} />}
    </>
  );
}

/* What was typed, once nothing more comes. */
function useSettled(text: string): string {
  const [settled, settle] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => settle(text), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
