/* The form of an operation: one field for each parameter; a list is a field for each part of each of its items. */
import { fileVariable, type CodeCall, type Value } from "../../codegen/call";
import type { Operation, Parameter, Schema } from "../../api/openapi";

export type Typed = Record<string, string>; /* by the flat name: Grants.1.Action */

/* A parameter's flat names for `items` items of a list; its own name when it is none. */
export function flatNames(p: Parameter, items: number): { name: string; schema: Schema }[] {
  const item = p.schema.items;
  if (p.schema.type !== "array" || item === undefined) return [{ name: p.name, schema: p.schema }];
  return Array.from({ length: items }, (_, n) => n + 1).flatMap((n) =>
    item.properties === undefined
      ? [{ name: `${p.name}.${n}`, schema: item }]
      : Object.entries(item.properties).map(([part, schema]) => ({ name: `${p.name}.${n}.${part}`, schema })),
  );
}

/* How many items of a list are typed: the highest number. */
export function itemsTyped(p: Parameter, typed: Typed): number {
  return Object.keys(typed).reduce((most, name) => {
    const number = name.startsWith(`${p.name}.`) ? Number(name.slice(p.name.length + 1).split(".")[0]) : 0;
    return Number.isInteger(number) && number > most ? number : most;
  }, 0);
}

export function isSecret(p: Parameter): boolean {
  return p.schema.writeOnly === true || p.schema.format === "password";
}

/* What is sent: everything typed that is not empty, in the document's order. */
export function filledIn(operation: Operation, typed: Typed): [string, string][] {
  return operation.parameters.flatMap((p) =>
    flatNames(p, itemsTyped(p, typed)).flatMap(({ name }): [string, string][] => {
      const text = typed[name];
      return text === undefined || text === "" ? [] : [[name, text]];
    }),
  );
}

/* The documents mark SniConfig as secret for the passwords that entries may have: domain#certificate#password. */
const ONLY_WHEN: Record<string, RegExp> = { SniConfig: /#[^#;]*#/ };

export function codeCall(operation: Operation, typed: Typed, endpoint: URL): CodeCall {
  const secrets = new Set(operation.parameters.filter(isSecret).map((p) => p.name));
  const value = (name: string, text: string): Value => (secrets.has(name) && (ONLY_WHEN[name]?.test(text) ?? true) ? { file: fileVariable(name) } : { text });
  return { operation, endpoint, params: filledIn(operation, typed).map(([name, text]) => [name, value(name, text)]) };
}

/* Why the document does not allow it; undefined: it does. The server looks at it again. */
export function complaint(schema: Schema, text: string): { rule: "pattern" | "length" | "number"; limit: string } | undefined {
  if (text === "") return undefined;
  if (schema.type === "integer") {
    const n = Number(text);
    const right = /^-?\d+$/.test(text) && n >= (schema.minimum ?? -Infinity) && n <= (schema.maximum ?? Infinity);
    return right ? undefined : { rule: "number", limit: `${schema.minimum ?? "…"} – ${schema.maximum ?? "…"}` };
  }
  const length = [...text].length;
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity))
    return { rule: "length", limit: `${schema.minLength ?? 0} – ${schema.maxLength ?? "…"}` };
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(text)) return { rule: "pattern", limit: schema.pattern };
  return undefined;
}
