/* A call as code is made of it: the operation and its parameters, flat, in the order of the form. A secret is never in the
 * code, nor on a command line: it is read from a file, whose path an environment variable holds, when the code runs. */
import type { Operation } from "../api/openapi";

export type Value = { text: string } | { file: string /* the environment variable with its path */ };

export interface CodeCall {
  operation: Pick<Operation, "name" | "version" | "product">;
  params: [name: string, value: Value][];
  endpoint: URL; /* of this server */
}

export const KEY_ID = "ALIBABA_CLOUD_ACCESS_KEY_ID";
export const KEY_SECRET = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/* EncryptPrivateKey → ENCRYPT_PRIVATE_KEY_FILE */
export function fileVariable(parameter: string): string {
  return `${parameter.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/\W/g, "_").toUpperCase()}_FILE`;
}

export function address(endpoint: URL): string {
  return endpoint.host;
}

export function protocol(endpoint: URL): "http" | "https" {
  return endpoint.protocol === "https:" ? "https" : "http";
}

/* A text as it is written in JavaScript, Java and Go alike: only escapes that all three know. */
export function quoted(text: string): string {
  let out = '"';
  for (let n = 0; n < text.length; n++) {
    const c = text[n]!;
    const code = text.charCodeAt(n);
    if (c === '"' || c === "\\") out += `\\${c}`;
    else if (c === "\n") out += "\\n";
    else if (c === "\r") out += "\\r";
    else if (c === "\t") out += "\\t";
    else if (code < 0x20 || code === 0x7f || code === 0x2028 || code === 0x2029) out += `\\u${code.toString(16).padStart(4, "0")}`;
    else out += c;
  }
  return `${out}"`;
}

/* A text as a POSIX shell takes it, whatever is in it. */
export function shellQuoted(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
