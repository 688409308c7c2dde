/* What went wrong, in the API's own words, with the request ID that its log and audit trail have. */
import { Alert, Button, Typography } from "antd";
import { ApiError } from "../api/call";
import { useText } from "../i18n";

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useText();
  if (error === null || error === undefined) return null;
  const api = error instanceof ApiError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      style={{ marginBlockEnd: 16 }}
      title={api?.status === 0 ? t.common.unreachable : message}
      description={
        api === undefined || api.status === 0 ? undefined : (
          <>
            <Typography.Text code>{api.code}</Typography.Text>
            {api.requestId !== "" && (
              <>
                {" "}
                {t.common.requestId}{" "}
                <Typography.Text code copyable={{ tooltips: false }}>
                  {api.requestId}
                </Typography.Text>
              </>
            )}
          </>
        )
      }
      action={
        retry && (
          <Button size="small" onClick={retry}>
            {t.common.tryAgain}
          </Button>
        )
      }
    />
  );
}
