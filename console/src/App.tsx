/* What is around every page: queries, language, theme, who is signed in. */
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { App as AntApp, ConfigProvider, Spin } from "antd";
import { BrowserRouter } from "react-router-dom";
import { ApiError, throttled } from "./api/call";
import { SessionProvider, useSessions } from "./api/session";
import { LanguageProvider, useLanguage } from "./i18n";
import { nonce } from "./nonce";
import { SignIn } from "./pages/sign-in/SignIn";
import { Shell } from "./shell/Shell";
import { ThemeProvider, useTheme } from "./shell/theme";
import { themeOf } from "./shell/tokens";

/* Again only when the server could not be reached or was busy; what it has refused it refuses again. */
function again(failures: number, e: Error): boolean {
  return failures < 2 && e instanceof ApiError && (e.status === 0 || e.status >= 500 || throttled(e));
}

const queries = new QueryClient({
  defaultOptions: { queries: { retry: again, staleTime: 5_000, refetchOnWindowFocus: false }, mutations: { retry: false } },
});

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <LanguageProvider>
        <ThemeProvider>
          <Themed />
        </ThemeProvider>
      </LanguageProvider>
    </QueryClientProvider>
  );
}

function Themed() {
  const { dark } = useTheme();
  const { antd } = useLanguage();
  return (
    <ConfigProvider
      csp={{ nonce }}
      locale={antd}
      button={{ autoInsertSpace: false }} /* what a screen reader hears is the word */
      theme={themeOf(dark)}
    >
      <AntApp>
        <BrowserRouter basename="/console" future={{ v7_startTransition: true, v7_relativeSplatPath: true }}>
          <SessionProvider>
            <Inside />
          </SessionProvider>
        </BrowserRouter>
      </AntApp>
    </ConfigProvider>
  );
}

function Inside() {
  const { session, loading } = useSessions();
  if (loading) return <Spin fullscreen />;
  return session === null ? <SignIn /> : <Shell />;
}
