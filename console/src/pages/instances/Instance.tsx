/* One instance: which it is, and its tabs, as far as the key may see them. */
import { Flex, theme as antTheme, Typography } from "antd";
import { useEffect, useRef } from "react";
import { Link, NavLink, Outlet, useLocation, useParams } from "react-router-dom";
import { useInstance } from "../../api/instance";
import { useMay } from "../../api/session";
import { useText } from "../../i18n";
import { TABS } from "../../shell/routes";

export default function Instance() {
  return (
    <>
      <Which />
      <InstanceTabs />
      <Outlet key={useInstanceId()} /> {/* nothing of one instance, chosen or typed, is left for another */}
    </>
  );
}

/* On every page of it, so that nobody changes another than the one meant. */
function Which() {
  const t = useText();
  const id = useInstanceId();
  const name = useInstance(id, useMay()("DescribeInstance", id)).data?.InstanceName ?? "";
  return (
    <Flex wrap gap={8} align="baseline" style={{ marginBlockEnd: 4 }}>
      <Link to="/instances">{t.instances.title}</Link>
      <Typography.Text type="secondary" aria-hidden>
        /
      </Typography.Text>
      {name !== "" && <b style={{ overflowWrap: "anywhere" }}>{name}</b>}
      <Typography.Text type="secondary" copyable={{ text: id, tooltips: false }}>
        {id}
      </Typography.Text>
    </Flex>
  );
}

/* Links, because each is a page with an address of its own. Where they do not fit they scroll, the chosen one in sight. */
function InstanceTabs() {
  const t = useText();
  const may = useMay();
  const instance = useInstanceId();
  const { pathname } = useLocation();
  const { token } = antTheme.useToken();
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    void nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); /* a promise, in newer browsers */
  }, [pathname]);
  return (
    <nav
      ref={nav}
      aria-label={instance}
      style={{ overflowX: "auto", scrollbarWidth: "none", marginBlockEnd: 20, borderBlockEnd: `1px solid ${token.colorBorderSecondary}` }}
    >
      <Flex gap={28} style={{ width: "max-content" }}>
        {TABS.filter((tab) => may(tab.needs, instance)).map((tab) => (
          <NavLink
            key={tab.path}
            to={`/instances/${instance}/${tab.path}`}
            style={({ isActive }) => ({
              paddingBlock: 10,
              color: isActive ? token.colorPrimary : token.colorText,
              fontWeight: isActive ? 600 : undefined,
              boxShadow: isActive ? `inset 0 -2px ${token.colorPrimary}` : undefined,
            })}
          >
            {t.shell.tabs[tab.text]}
          </NavLink>
        ))}
      </Flex>
    </nav>
  );
}

/* The instance whose page this is. */
export function useInstanceId(): string {
  return useParams()["instance"] ?? "";
}
