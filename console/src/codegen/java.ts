/* com.aliyun:tea-openapi. */
import { address, KEY_ID, KEY_SECRET, protocol, quoted, type CodeCall } from "./call";

export function java({ operation, params, endpoint }: CodeCall): string {
  const query = params.map(([name, value]) => `        body.put(${quoted(name)}, ${"text" in value ? quoted(value.text) : `Files.readString(Path.of(System.getenv("${value.file}")))`});`);
  const files = params.some(([, value]) => "file" in value) ? "import java.nio.file.Files;\nimport java.nio.file.Path;\n" : "";
  return `// Maven: com.aliyun:tea-openapi
import com.aliyun.teaopenapi.Client;
import com.aliyun.teaopenapi.models.Config;
import com.aliyun.teaopenapi.models.OpenApiRequest;
import com.aliyun.teaopenapi.models.Params;
import com.aliyun.teautil.models.RuntimeOptions;
${files}import java.util.LinkedHashMap;
import java.util.Map;

public class ${operation.name} {
    public static void main(String[] args) throws Exception {
        Client client = new Client(new Config()
            .setAccessKeyId(System.getenv("${KEY_ID}"))
            .setAccessKeySecret(System.getenv("${KEY_SECRET}"))
            .setEndpoint(${quoted(address(endpoint))})
            .setProtocol(${quoted(protocol(endpoint))}));

        Params params = new Params()
            .setAction(${quoted(operation.name)})
            .setVersion(${quoted(operation.version)})
            .setProtocol(${quoted(protocol(endpoint).toUpperCase())})
            .setPathname("/")
            .setMethod("POST")
            .setAuthType("AK")
            .setStyle("RPC")
            .setReqBodyType("formData")
            .setBodyType("json");

        Map<String, Object> body = new LinkedHashMap<>();
${query.join("\n")}${query.length > 0 ? "\n" : ""}
        Map<String, ?> answer = client.callApi(params, new OpenApiRequest().setBody(body), new RuntimeOptions());
        System.out.println(answer.get("body"));
    }
}
`;
}
