/* The API call behind what is shown or done: opens the explorer with the operation and what it is called with. Not for a key
 * that may not make it. */
import { ApiOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { Link } from "react-router-dom";
import { formBody, type Params } from "../api/call";
import { useMay, useSession } from "../api/session";
import { useText } from "../i18n";

export function ApiLink({ operation, params = {} }: { operation: string; params?: Params }) {
  const t = useText();
  const may = useMay();
  const { Operations } = useSession();
  const instance = params["MqttInstanceId"];
  if (instance === undefined ? Operations[operation] === undefined : !may(operation, String(instance))) return null;
  const query = formBody(params).toString();
  return (
    <Tooltip title={t.common.apiCall(operation)}>
      <Link to={`/explorer/${operation}${query === "" ? "" : `?${query}`}`} tabIndex={-1}>
        <Button type="text" icon={<ApiOutlined />} aria-label={t.common.apiCall(operation)} />
      </Link>
    </Tooltip>
  );
}
