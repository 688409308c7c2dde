/* alibabacloud_tea_openapi. A Python text takes the escapes of quoted() as JSON has them. */
import { address, KEY_ID, KEY_SECRET, protocol, quoted, type CodeCall } from "./call";

export function python({ operation, params, endpoint }: CodeCall): string {
  const query = params.map(([name, value]) => `        ${quoted(name)}: ${"text" in value ? quoted(value.text) : `Path(os.environ["${value.file}"]).read_text()`},`);
  const files = params.some(([, value]) => "file" in value) ? "from pathlib import Path\n" : "";
  return `# pip install alibabacloud_tea_openapi
import json
import os
${files}
from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi import models as open_api
from alibabacloud_tea_util import models as util

client = Client(open_api.Config(
    access_key_id=os.environ["${KEY_ID}"],
    access_key_secret=os.environ["${KEY_SECRET}"],
    endpoint=${quoted(address(endpoint))},
    protocol=${quoted(protocol(endpoint))},
))

params = open_api.Params(
    action=${quoted(operation.name)},
    version=${quoted(operation.version)},
    protocol=${quoted(protocol(endpoint).toUpperCase())},
    pathname="/",
    method="POST",
    auth_type="AK",
    style="RPC",
    req_body_type="formData",
    body_type="json",
)

request = open_api.OpenApiRequest(
    body={
${query.join("\n")}${query.length > 0 ? "\n" : ""}    },
)

answer = client.call_api(params, request, util.RuntimeOptions())
print(json.dumps(answer["body"], indent=2, ensure_ascii=False))
`;
}
