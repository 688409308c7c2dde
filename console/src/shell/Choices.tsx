/* Language, theme, and who is signed in. */
import { BgColorsOutlined, GlobalOutlined, UserOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { App, Button, Dropdown, Flex, Grid } from "antd";
import { DRAFT, useSessions } from "../api/session";
import { useLanguage, useText, type Language } from "../i18n";
import { useTheme, type Choice } from "./theme";

const LANGUAGES: { key: Language; label: string }[] = [
  { key: "en", label: "English" },
  { key: "zh", label: "中文" },
];
const THEMES: Choice[] = ["system", "light", "dark"];

export function Choices() {
  const t = useText();
  const { language, choose } = useLanguage();
  const theme = useTheme();
  const { session, signOut } = useSessions();
  const { modal } = App.useApp();
  const queries = useQueryClient();
  function out() {
    if (queries.getQueriesData({ queryKey: [DRAFT] }).length === 0) void signOut();
    else modal.confirm({ title: t.shell.signOutTitle, content: t.shell.signOutText, okText: t.shell.signOut, okButtonProps: { danger: true }, autoFocusButton: "cancel", onOk: signOut });
  }
  const wide = Grid.useBreakpoint().md ?? true;
  return (
    <Flex align="center" gap={4}>
      <Dropdown trigger={["click"]} menu={{ items: LANGUAGES, selectedKeys: [language], onClick: (e) => choose(e.key as Language) }}>
        <Button type="text" icon={<GlobalOutlined />} aria-label={t.shell.language} />
      </Dropdown>
      <Dropdown
        trigger={["click"]}
        menu={{ items: THEMES.map((key) => ({ key, label: t.shell.themes[key] })), selectedKeys: [theme.choice], onClick: (e) => theme.choose(e.key as Choice) }}
      >
        <Button type="text" icon={<BgColorsOutlined />} aria-label={t.shell.theme} />
      </Dropdown>
      {session !== null && (
        <Dropdown trigger={["click"]} menu={{ items: [{ key: "out", label: t.shell.signOut }], onClick: out }}>
          <Button type="text" icon={<UserOutlined />} aria-label={t.shell.account(session.AccessKeyId)}>
            {wide ? session.AccessKeyId : null}
          </Button>
        </Dropdown>
      )}
    </Flex>
  );
}
