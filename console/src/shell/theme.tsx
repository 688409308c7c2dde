/* Light or dark: as the system has it, until somebody chooses. */
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

export type Choice = "system" | "light" | "dark";

const KEPT = "signet.theme";
const QUERY = "(prefers-color-scheme: dark)";
const Context = createContext<{ dark: boolean; choice: Choice; choose(choice: Choice): void } | null>(null);

function kept(): Choice {
  const text = localStorage.getItem(KEPT);
  return text === "light" || text === "dark" ? text : "system";
}

export function ThemeProvider({ children }: { children: ReactNode }) {
  const [choice, choose] = useState<Choice>(kept);
  const [systemDark, setSystemDark] = useState(() => matchMedia(QUERY).matches);
  useEffect(() => {
    const query = matchMedia(QUERY);
    const changed = () => setSystemDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  const dark = choice === "dark" || (choice === "system" && systemDark);
  useEffect(() => {
    localStorage.setItem(KEPT, choice);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }, [choice, dark]);
  const value = useMemo(() => ({ dark, choice, choose }), [dark, choice]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useTheme() {
  const theme = useContext(Context);
  if (theme === null) throw new Error("no ThemeProvider");
  return theme;
}
