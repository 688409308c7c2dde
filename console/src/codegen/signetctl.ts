/* signetctl. A value @x is the file x, and @@x the text @x. */
import { shellQuoted, type CodeCall, type Value } from "./call";

function argument(name: string, value: Value): string {
  if ("file" in value) return `  --${name} "@$${value.file}"`;
  return `  --${name} ${shellQuoted(value.text.startsWith("@") ? `@${value.text}` : value.text)}`;
}

export function signetctl({ operation, params, endpoint }: CodeCall): string {
  return `${[`signetctl ${operation.product} ${operation.name} --endpoint ${shellQuoted(endpoint.origin)}`, ...params.map(([name, value]) => argument(name, value))].join(" \\\n")}\n`;
}
