/* Colours. antd's own are a little too pale for WCAG's contrast of 4.5 to 1; these are not. tests/console measures it. */
import { theme as antTheme, type ThemeConfig } from "antd";

/* The text of a Tag. antd knows the token by two names, and takes either. */
function tag(colour: string, text: string): ThemeConfig["token"] {
  return { [`${colour}-7`]: text, [`${colour}7`]: text };
}

const LIGHT: ThemeConfig = {
  algorithm: antTheme.defaultAlgorithm,
  token: {
    colorPrimary: "#1554ad",
    colorInfo: "#1554ad",
    colorLink: "#1554ad",
    colorError: "#cf1322",
    colorTextTertiary: "rgba(0, 0, 0, 0.62)",
    ...tag("green", "#237804"),
    ...tag("gold", "#7c4a00"),
    ...tag("orange", "#ad4e00"),
    ...tag("cyan", "#006d75"),
  },
  components: { Table: { rowSelectedBg: "#edf3fb", rowSelectedHoverBg: "#e3edfa" } },
};

const ON_BRIGHT = "#0b1526"; /* text on what is bright in the dark */

const DARK: ThemeConfig = {
  algorithm: antTheme.darkAlgorithm,
  token: {
    colorPrimary: "#69b1ff",
    colorInfo: "#69b1ff",
    colorLink: "#69b1ff",
    colorError: "#ff7875",
    colorTextTertiary: "rgba(255, 255, 255, 0.65)",
  },
  components: {
    Button: { primaryColor: ON_BRIGHT, dangerColor: ON_BRIGHT },
    Menu: { itemSelectedColor: "#91caff" },
    Table: { rowSelectedBg: "#142238", rowSelectedHoverBg: "#16263a" },
  },
};

const SHAPE = { borderRadius: 6, fontSize: 14 };

/* Nothing moves for who has asked the system for that. */
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

export function themeOf(dark: boolean): ThemeConfig {
  const chosen = dark ? DARK : LIGHT;
  return { ...chosen, token: { ...chosen.token, ...SHAPE, motion: !still } };
}
