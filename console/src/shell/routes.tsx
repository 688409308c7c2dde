/* Every page and where it is. A page is loaded when it is first opened. */
import { lazy, type ComponentType, type LazyExoticComponent } from "react";

type Page = LazyExoticComponent<ComponentType>;

export interface TabRoute {
  path: string;
  text: "overview" | "serverCertificate" | "domains" | "ca" | "devices" | "sessions" | "history" | "brokers";
  needs: string; /* the operation without which there is nothing to see */
  page: Page;
}

/* Below /instances/:instance/. */
export const TABS: TabRoute[] = [
  { path: "overview", text: "overview", needs: "DescribeInstance", page: lazy(() => import("../pages/overview/Overview")) },
  { path: "server-certificate", text: "serverCertificate", needs: "DescribeInstance", page: lazy(() => import("../pages/server-certificate/ServerCertificate")) },
  { path: "domains", text: "domains", needs: "GetSniConfig", page: lazy(() => import("../pages/domains/Domains")) },
  { path: "ca", text: "ca", needs: "ListCaCertificate", page: lazy(() => import("../pages/ca/CaCertificates")) },
  { path: "devices", text: "devices", needs: "SearchDeviceCertificate", page: lazy(() => import("../pages/devices/Devices")) },
  { path: "sessions", text: "sessions", needs: "ListSessions", page: lazy(() => import("../pages/sessions/Sessions")) },
  { path: "history", text: "history", needs: "ListConfigRevisions", page: lazy(() => import("../pages/history/History")) },
  { path: "brokers", text: "brokers", needs: "GetBrokerStatus", page: lazy(() => import("../pages/brokers/Brokers")) },
];

export const PAGES: Record<"instances" | "instance" | "certificates" | "expiring" | "audit" | "accessKeys" | "explorer", Page> = {
  instances: lazy(() => import("../pages/instances/Instances")),
  instance: lazy(() => import("../pages/instances/Instance")),
  certificates: lazy(() => import("../pages/certificates/Certificates")),
  expiring: lazy(() => import("../pages/expiring/Expiring")),
  audit: lazy(() => import("../pages/audit/Audit")),
  accessKeys: lazy(() => import("../pages/access-keys/AccessKeys")),
  explorer: lazy(() => import("../pages/explorer/Explorer")),
};
