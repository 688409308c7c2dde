/* Around every page of who is signed in: the menu, language, theme, sign-out. */
import {
  ApiOutlined,
  AuditOutlined,
  CalendarOutlined,
  CloudServerOutlined,
  KeyOutlined,
  MenuOutlined,
  SafetyCertificateOutlined,
} from "@ant-design/icons";
import { Button, Drawer, Flex, Grid, Layout, Menu, Spin, theme as antTheme } from "antd";
import { Suspense, useRef, useState, type ReactNode } from "react";
import { Link, Navigate, Route, Routes, useLocation } from "react-router-dom";
import { useSession } from "../api/session";
import { useText, type Texts } from "../i18n";
import { OneTimeSecretProvider } from "../pages/access-keys/OneTimeSecret";
import { useAssistive } from "./assistive";
import { PAGES, TABS } from "./routes";
import { Choices } from "./Choices";

interface Entry {
  path: string;
  text: keyof Texts["shell"]["menu"];
  icon: ReactNode;
  needs: string | null;
}

const MENU: Entry[] = [
  { path: "/instances", text: "instances", icon: <CloudServerOutlined />, needs: null },
  { path: "/certificates", text: "certificates", icon: <SafetyCertificateOutlined />, needs: "ListCertificates" },
  { path: "/expiring", text: "expiring", icon: <CalendarOutlined />, needs: "ListExpiringCertificates" },
  { path: "/audit", text: "audit", icon: <AuditOutlined />, needs: "ListAuditEvents" },
  { path: "/access-keys", text: "accessKeys", icon: <KeyOutlined />, needs: "ListAccessKeys" },
  { path: "/explorer", text: "explorer", icon: <ApiOutlined />, needs: null },
];

function Pages() {
  return (
    <Suspense fallback={<Spin style={{ marginBlockStart: 48, width: "100%" }} />}>
      <Routes>
        <Route path="/instances" element={<PAGES.instances />} />
        <Route path="/instances/:instance" element={<PAGES.instance />}>
          <Route index element={<Navigate to="overview" replace />} />
          {TABS.map(({ path, page: Page }) => (
            <Route key={path} path={path} element={<Page />} />
          ))}
        </Route>
        <Route path="/certificates" element={<PAGES.certificates />} />
        <Route path="/expiring" element={<PAGES.expiring />} />
        <Route path="/audit" element={<PAGES.audit />} />
        <Route path="/access-keys" element={<PAGES.accessKeys />} />
        <Route path="/explorer/:operation?" element={<PAGES.explorer />} />
        <Route path="*" element={<Navigate to="/instances" replace />} />
      </Routes>
    </Suspense>
  );
}

function MainMenu({ chosen }: { chosen?: () => void }) {
  const t = useText();
  const { Operations } = useSession();
  const { pathname } = useLocation();
  const offered = MENU.filter((e) => e.needs === null || Operations[e.needs]?.Everywhere === true);
  return (
    <nav aria-label={t.shell.navigation}>
      <Menu
        mode="inline"
        selectedKeys={offered.filter((e) => pathname.startsWith(e.path)).map((e) => e.path)}
        items={offered.map((e) => ({ key: e.path, icon: e.icon, label: <Link to={e.path}>{t.shell.menu[e.text]}</Link> }))}
        onClick={() => chosen?.()}
        style={{ borderInlineEnd: 0 }}
      />
    </nav>
  );
}

function Brand() {
  return (
    <Link to="/instances" aria-label="Signet">
      <Flex align="center" gap={10}>
        <img src="/console/icon.svg" alt="" width={28} height={28} />
        <b style={{ fontSize: 17 }}>Signet</b>
      </Flex>
    </Link>
  );
}

const CONTENT = "content";

/* First for the keyboard, past the menu; seen only then. */
function SkipLink() {
  const t = useText();
  const { token } = antTheme.useToken();
  const [seen, setSeen] = useState(false);
  return (
    <a
      href={`#${CONTENT}`}
      onClick={(e) => {
        e.preventDefault();
        document.getElementById(CONTENT)?.focus();
      }}
      onFocus={() => setSeen(true)}
      onBlur={() => setSeen(false)}
      style={{ position: "fixed", insetBlockStart: seen ? 8 : -64, insetInlineStart: 8, zIndex: 20, padding: 8, background: token.colorBgElevated, boxShadow: seen ? token.boxShadow : "none" }}
    >
      {t.shell.skip}
    </a>
  );
}

export function Shell() {
  const t = useText();
  const wide = Grid.useBreakpoint().lg ?? true;
  const { token } = antTheme.useToken();
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLDivElement>(null);
  useAssistive(main);
  return (
    <Layout style={{ minHeight: "100vh" }}>
      <SkipLink />
      <Layout.Header
        style={{ background: token.colorBgContainer, borderBlockEnd: `1px solid ${token.colorBorderSecondary}`, paddingInline: 16, position: "sticky", insetBlockStart: 0, zIndex: 10 }}
      >
        <Flex justify="space-between" align="center" style={{ height: "100%" }} gap={8}>
          <Flex align="center" gap={8}>
            {!wide && <Button type="text" icon={<MenuOutlined />} aria-label={t.shell.openMenu} onClick={() => setOpen(true)} />}
            <Brand />
          </Flex>
          <Choices />
        </Flex>
      </Layout.Header>
      <Layout>
        {wide ? (
          <Layout.Sider width={220} theme="light" style={{ background: token.colorBgContainer, borderInlineEnd: `1px solid ${token.colorBorderSecondary}` }}>
            <div style={{ position: "sticky", insetBlockStart: 72, paddingBlockStart: 8 }}>
              <MainMenu />
            </div>
          </Layout.Sider>
        ) : (
          <Drawer open={open} placement="left" onClose={() => setOpen(false)} size={260} title="Signet" styles={{ body: { padding: 8 } }}>
            <MainMenu chosen={() => setOpen(false)} />
          </Drawer>
        )}
        <Layout.Content style={{ padding: wide ? 24 : 12, minWidth: 0 }}>
          <div ref={main} id={CONTENT} tabIndex={-1} style={{ outline: "none" }}>
            <OneTimeSecretProvider>
              <Pages />
            </OneTimeSecretProvider>
          </div>
        </Layout.Content>
      </Layout>
    </Layout>
  );
}
