/* The texts of the console. English is the measure: a text that Chinese lacks does not compile. */
import antdEn from "antd/locale/en_US";
import antdZh from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import * as en from "./en";
import * as zh from "./zh";

export type Language = "en" | "zh";
export type Texts = typeof en;

const KEPT = "signet.language";
const TEXTS: Record<Language, Texts> = { en, zh };
const LOCALES: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };

interface Chosen {
  language: Language;
  locale: string; /* for Intl */
  antd: typeof antdEn;
  choose(language: Language): void;
}

const Context = createContext<Chosen | null>(null);

function preferred(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, choose] = useState<Language>(preferred);
  useEffect(() => {
    localStorage.setItem(KEPT, language);
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    dayjs.locale(language === "zh" ? "zh-cn" : "en");
  }, [language]);
  const chosen = useMemo<Chosen>(
    () => ({ language, locale: LOCALES[language], antd: language === "zh" ? antdZh : antdEn, choose }),
    [language],
  );
  return <Context.Provider value={chosen}>{children}</Context.Provider>;
}

export function useLanguage(): Chosen {
  const chosen = useContext(Context);
  if (chosen === null) throw new Error("no LanguageProvider");
  return chosen;
}

/* const t = useText(); … t.instances.title */
export function useText(): Texts {
  return TEXTS[useLanguage().language];
}
