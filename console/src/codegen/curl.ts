/* curl with HTTP Basic. The access key comes from the environment and is given to curl on its standard input, where `ps` does not see it. */
import { KEY_ID, KEY_SECRET, shellQuoted, type CodeCall, type Value } from "./call";

/* name=value takes everything behind the first = as it is, name@file the file's content. */
function argument(name: string, value: Value): string {
  return "text" in value ? `  --data-urlencode ${shellQuoted(`${name}=${value.text}`)}` : `  --data-urlencode "${name}@$${value.file}"`;
}

export function curl({ operation, params, endpoint }: CodeCall): string {
  const lines = [`curl --silent --show-error --config - --request POST ${shellQuoted(`${endpoint.origin}/${operation.version}/${operation.name}`)}`, ...params.map(([name, value]) => argument(name, value))];
  return `${lines.join(" \\\n")} <<END\nuser = "$${KEY_ID}:$${KEY_SECRET}"\nEND\n`;
}
