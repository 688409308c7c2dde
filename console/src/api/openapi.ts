/* The three documents that signet-api itself works by: every operation, its parameters and its errors. */
import { useQuery } from "@tanstack/react-query";
import { answerOf, send } from "./call";

export type Product = "onsmqtt" | "cas" | "signet";

const DOCUMENTS: Record<Product, string> = { onsmqtt: "onsmqtt-2020-04-20", cas: "cas-2020-04-07", signet: "signet" };

export interface Schema {
  type?: "string" | "integer" | "boolean" | "array" | "object";
  enum?: string[];
  default?: unknown;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  pattern?: string;
  writeOnly?: boolean;
  format?: string;
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
}

export interface Parameter {
  name: string;
  required?: boolean;
  description?: string;
  schema: Schema;
  example?: unknown;
}

export type Level = "read" | "write" | "admin";

export interface Operation {
  name: string;
  version: string;
  product: Product;
  tag: string;
  summary: string;
  parameters: Parameter[];
  level: Level;
  action: string;
  instance: string; /* the parameter that names the instance */
  errors: { http: number; code: string; message: string }[];
  example: unknown;
}

interface Document {
  paths: Record<string, PathItem>;
  components: { responses: Record<string, { content?: Record<string, { example?: unknown }> }> };
}

interface PathItem {
  summary: string;
  parameters?: Parameter[];
  post?: { tags?: string[] };
  get?: { tags?: string[] };
  "x-signet-grant": { action: string; level: Level; instance?: string };
  "x-signet-errors"?: Operation["errors"];
}

function operationsOf(product: Product, document: Document): Operation[] {
  return Object.entries(document.paths).map(([path, item]) => {
    const [, version = "", name = ""] = path.split("/");
    const grant = item["x-signet-grant"];
    return {
      name,
      version,
      product,
      tag: (item.post ?? item.get)?.tags?.[0] ?? "",
      summary: item.summary,
      parameters: item.parameters ?? [],
      level: grant.level,
      action: grant.action,
      instance: grant.instance ?? "MqttInstanceId",
      errors: item["x-signet-errors"] ?? [],
      example: document.components.responses[name]?.content?.["application/json"]?.example,
    };
  });
}

async function read(product: Product, signal: AbortSignal): Promise<Operation[]> {
  const reply = await send(`/openapi/${DOCUMENTS[product]}.json`, { signal, cache: "default" });
  return operationsOf(product, await answerOf<Document>(reply, "openapi"));
}

export function useOperations() {
  return useQuery({
    queryKey: ["openapi"],
    staleTime: "static", /* nor after a change */
    queryFn: async ({ signal }) => {
      const lists = await Promise.all((Object.keys(DOCUMENTS) as Product[]).map((product) => read(product, signal)));
      return lists.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
    },
  });
}
