/* @alicloud/openapi-client, as the official samples use it. */
import { address, KEY_ID, KEY_SECRET, protocol, quoted, type CodeCall } from "./call";

export function node({ operation, params, endpoint }: CodeCall): string {
  const query = params.map(([name, value]) => `    ${quoted(name)}: ${"text" in value ? quoted(value.text) : `readFileSync(process.env.${value.file}, "utf8")`},`);
  const files = params.some(([, value]) => "file" in value) ? 'const { readFileSync } = require("node:fs");\n' : "";
  return `// npm install @alicloud/openapi-client @alicloud/tea-util
${files}const OpenApi = require("@alicloud/openapi-client");
const Util = require("@alicloud/tea-util");

const client = new OpenApi.default(new OpenApi.Config({
  accessKeyId: process.env.${KEY_ID},
  accessKeySecret: process.env.${KEY_SECRET},
  endpoint: ${quoted(address(endpoint))},
  protocol: ${quoted(protocol(endpoint))},
}));

const params = new OpenApi.Params({
  action: ${quoted(operation.name)},
  version: ${quoted(operation.version)},
  protocol: ${quoted(protocol(endpoint).toUpperCase())},
  pathname: "/",
  method: "POST",
  authType: "AK",
  style: "RPC",
  reqBodyType: "formData",
  bodyType: "json",
});

const request = new OpenApi.OpenApiRequest({
  body: {
${query.join("\n")}${query.length > 0 ? "\n" : ""}  },
});

client.callApi(params, request, new Util.RuntimeOptions({})).then(
  ({ body }) => console.log(JSON.stringify(body, null, 2)),
  (error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
`;
}
