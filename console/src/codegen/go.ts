/* github.com/alibabacloud-go/darabonba-openapi. */
import { address, KEY_ID, KEY_SECRET, protocol, quoted, type CodeCall } from "./call";

export function go({ operation, params, endpoint }: CodeCall): string {
  const query = params.map(([name, value]) => `\t\t\t${quoted(name)}: ${"text" in value ? quoted(value.text) : `content(os.Getenv("${value.file}"))`},`);
  const content = params.some(([, value]) => "file" in value)
    ? `
func content(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}
`
    : "";
  return `// go get github.com/alibabacloud-go/darabonba-openapi/v2/client
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
)

func main() {
	client, err := openapi.NewClient(&openapi.Config{
		AccessKeyId:     tea.String(os.Getenv("${KEY_ID}")),
		AccessKeySecret: tea.String(os.Getenv("${KEY_SECRET}")),
		Endpoint:        tea.String(${quoted(address(endpoint))}),
		Protocol:        tea.String(${quoted(protocol(endpoint))}),
	})
	if err != nil {
		log.Fatal(err)
	}
	params := &openapi.Params{
		Action:      tea.String(${quoted(operation.name)}),
		Version:     tea.String(${quoted(operation.version)}),
		Protocol:    tea.String(${quoted(protocol(endpoint).toUpperCase())}),
		Pathname:    tea.String("/"),
		Method:      tea.String("POST"),
		AuthType:    tea.String("AK"),
		Style:       tea.String("RPC"),
		ReqBodyType: tea.String("formData"),
		BodyType:    tea.String("json"),
	}
	request := &openapi.OpenApiRequest{
		Body: map[string]interface{}{
${query.join("\n")}${query.length > 0 ? "\n" : ""}		},
	}
	answer, err := client.CallApi(params, request, &util.RuntimeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	text, _ := json.MarshalIndent(answer["body"], "", "  ")
	fmt.Println(string(text))
}
${content}`;
}
