/* Which of many files are a certificate and its private key: by what is in them, and by what they are called. */
export interface PemFile {
  path: string; /* with its folders, as far as they are known */
  text: string;
}

export interface Pair {
  name: string;
  cert: string;
  key: string;
  paths: string[];
}

export type Alone = { path: string; why: "noKey" | "noCertificate" | "nothing" };

export interface Pairing {
  pairs: Pair[];
  alone: Alone[];
}

const NAME_MAX = 64;
const ROLE = /(?:^|[-_.])(?:key|privkey|private|cert|crt|chain|fullchain|bundle|server)$/i;
const WHOLE = /(?:fullchain|bundle)/i;
const REST = /(?:^|[-_.])chain$/i;

const hasCertificate = (f: PemFile) => f.text.includes("-----BEGIN CERTIFICATE-----");
const hasKey = (f: PemFile) => /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(f.text);

function stemOf(path: string): string {
  return (path.split("/").at(-1) ?? "").replace(/\.[^.]+$/, "");
}

/* shop.fullchain.pem and shop.key are of "shop"; live/shop/fullchain.pem and live/shop/privkey.pem, too. */
function groupOf(path: string): { group: string; name: string } {
  const folders = path.split("/").slice(0, -1);
  const stem = stemOf(path).replace(ROLE, "");
  return { group: [...folders, stem].join("/"), name: stem === "" ? (folders.at(-1) ?? "") : stem };
}

/* The chain in one file, else the certificate and what is issued above it. */
function chainOf(files: PemFile[]): PemFile[] {
  const whole = files.find((f) => WHOLE.test(stemOf(f.path)));
  if (whole !== undefined) return [whole];
  const rest = files.filter((f) => REST.test(stemOf(f.path)));
  return [...files.filter((f) => !rest.includes(f)).slice(0, 1), ...rest.slice(0, 1)];
}

export function pairsOf(files: readonly PemFile[]): Pairing {
  const groups = new Map<string, { name: string; files: PemFile[] }>();
  const pairing: Pairing = { pairs: [], alone: [] };
  for (const file of files) {
    const { group, name } = groupOf(file.path);
    if (!hasCertificate(file) && !hasKey(file)) pairing.alone.push({ path: file.path, why: "nothing" });
    else groups.set(group, { name, files: [...(groups.get(group)?.files ?? []), file] });
  }
  for (const { name, files: found } of groups.values()) {
    const chain = chainOf(found.filter(hasCertificate));
    const key = found.find(hasKey);
    if (chain.length > 0 && key !== undefined)
      pairing.pairs.push({
        name: (name === "" ? stemOf(chain[0]!.path) : name).slice(0, NAME_MAX),
        cert: certificatesOf(chain),
        key: keyOf(key),
        paths: [...new Set([...chain, key].map((f) => f.path))],
      });
    else for (const f of found) pairing.alone.push({ path: f.path, why: chain.length > 0 ? "noKey" : "noCertificate" });
  }
  pairing.pairs.sort((a, b) => (a.name < b.name ? -1 : 1));
  return pairing;
}

/* A file may hold both. */
function certificatesOf(files: PemFile[]): string {
  return files.flatMap((f) => f.text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).join("\n") + "\n";
}

function keyOf({ text }: PemFile): string {
  return (/-----BEGIN ((?:[A-Z]+ )*PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(text)?.[0] ?? text) + "\n";
}
