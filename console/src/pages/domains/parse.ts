/* A SniConfig that was pasted: <domain>#<certificate ID>[#<password>], entries with ';' or a line's end between. What the API
 * would refuse for its form is told here, without the password; the rest is its preview's. */
import { identifierOf } from "../../api/certificate";

export interface Entry {
  domain: string; /* lower-case, A-labels */
  certificate: string;
  password: string; /* "": none */
}

export type Why = "noCertificate" | "noDomain" | "notADomain" | "wildcard" | "address" | "notACertificate" | "otherPassword";

export interface Wrong {
  number: number;
  text: string; /* what was written as its domain */
  why: Why | { twin: number }; /* twin: the entry that has the same domain */
}

export interface Parsed {
  entries: Entry[];
  wrong: Wrong[];
}

const SLICE = 1000;
const SHOWN_CHARACTERS = 80;
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const PLAIN = new RegExp(`^(?=.{3,253}$)(?:${LABEL}\\.)+(?!\\d+$)${LABEL}$`);
const ADDRESS = /^\d+(\.\d+){3}$|:/;

/* The browser knows IDNA: "bücher.example" is "xn--bcher-kva.example". */
function aLabels(name: string): string | undefined {
  const folded = name.toLowerCase();
  if (PLAIN.test(folded)) return folded;
  if (/[\s/?#@:[\]\\%<>^|]/.test(name)) return undefined;
  try {
    return new URL(`https://${name}`).hostname;
  } catch {
    return undefined;
  }
}

/* The domain as the API writes it, or why it is none. */
export function canonicalDomain(written: string): { domain: string } | { why: Why } {
  const text = written.trim().replace(/\.$/, "");
  if (text === "") return { why: "noDomain" };
  const wild = text.startsWith("*.");
  const name = wild ? text.slice(2) : text;
  if (name.includes("*")) return { why: "wildcard" };
  if (ADDRESS.test(name)) return { why: "address" };
  const found = aLabels(name);
  if (found === undefined || !PLAIN.test(found)) return { why: wild && /^[^.]+$/.test(name) ? "wildcard" : "notADomain" };
  return { domain: wild ? `*.${found}` : found };
}

interface Seen {
  domains: Map<string, number>; /* → entry number */
  passwords: Map<string, string>; /* of a certificate's key, which has one only */
  maybeSecret: boolean; /* the text at hand may be the rest of a password that held ';' */
}

function readEntry(text: string, number: number, seen: Seen): Entry | Wrong {
  const [before, id, ...rest] = text.split("#");
  const written = (before ?? "").trim();
  const wrong = (why: Wrong["why"]): Wrong => ({ number, text: seen.maybeSecret ? "" : written.slice(0, SHOWN_CHARACTERS), why });
  if (id === undefined) return wrong("noCertificate");
  const read = canonicalDomain(written);
  if ("why" in read) return wrong(read.why);
  const certificate = identifierOf(id.trim());
  if (certificate === undefined) return wrong("notACertificate");
  const twin = seen.domains.get(read.domain);
  if (twin !== undefined) return wrong({ twin });
  seen.domains.set(read.domain, number);
  const password = rest.join("#");
  if (password !== "" && (seen.passwords.get(certificate) ?? password) !== password) return wrong("otherPassword");
  if (password !== "") seen.passwords.set(certificate, password);
  return { domain: read.domain, certificate, password };
}

/* In slices, so that the page lives on; `told` how far it is. */
export async function parseSniConfig(text: string, told: (done: number, total: number) => void): Promise<Parsed> {
  const pieces = text.split(/[;\n]/).map((p) => p.trim()).filter((p) => p !== "");
  const parsed: Parsed = { entries: [], wrong: [] };
  const seen: Seen = { domains: new Map(), passwords: new Map(), maybeSecret: false };
  for (let from = 0; from < pieces.length; from += SLICE) {
    for (let n = from; n < Math.min(from + SLICE, pieces.length); n++) {
      const entry = readEntry(pieces[n]!, n + 1, seen);
      if ("why" in entry) parsed.wrong.push(entry);
      else parsed.entries.push(entry);
      seen.maybeSecret = pieces[n]!.split("#").length > 2 || (seen.maybeSecret && "why" in entry);
    }
    told(Math.min(from + SLICE, pieces.length), pieces.length);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return parsed;
}
