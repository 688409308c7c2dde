/* A password that can be shown, by a button that is large enough. */
import { EyeInvisibleOutlined, EyeOutlined } from "@ant-design/icons";
import { Input, type InputProps } from "antd";

export function PasswordField(props: InputProps) {
  return <Input.Password {...props} autoComplete="new-password" iconRender={(visible) => (visible ? <EyeOutlined style={{ padding: 5 }} /> : <EyeInvisibleOutlined style={{ padding: 5 }} />)} />;
}
