/* A field for each parameter, as the document describes it. */
import { MinusCircleOutlined, PlusOutlined } from "@ant-design/icons";
import { AutoComplete, Button, Flex, Form, Input, Select, Typography } from "antd";
import { useState } from "react";
import { useInstances } from "../../api/instance";
import type { Operation, Parameter, Schema } from "../../api/openapi";
import { PemInput } from "../../components/PemInput";
import { useText } from "../../i18n";
import { complaint, flatNames, isSecret, itemsTyped, type Typed } from "./params";

const LONG = 1024; /* from this length on a text has a field of several lines */

interface Fields {
  operation: Operation;
  typed: Typed;
  type: (typed: Typed) => void;
}

export function ParameterForm({ operation, typed, type }: Fields) {
  const t = useText();
  if (operation.parameters.length === 0) return <Typography.Paragraph>{t.explorer.noParameters}</Typography.Paragraph>;
  return (
    <Form layout="vertical" component="div">
      {operation.parameters.map((p) =>
        p.schema.type === "array" ? <ListField key={p.name} of={p} typed={typed} type={type} /> : <OneField key={p.name} name={p.name} of={p} schema={p.schema} operation={operation} typed={typed} type={type} />,
      )}
    </Form>
  );
}

interface OneField {
  name: string;
  of: Parameter;
  schema: Schema;
  operation?: Operation;
  typed: Typed;
  type: (typed: Typed) => void;
}

function OneField({ name, of, schema, operation, typed, type }: OneField) {
  const t = useText();
  const text = typed[name] ?? "";
  const wrong = complaint(schema, text);
  const set = (value: string) => type({ ...typed, [name]: value });
  const id = `parameter-${name}`;
  return (
    <Form.Item
      label={name}
      htmlFor={id}
      required={of.required === true}
      extra={name === of.name ? of.description : undefined}
      validateStatus={wrong === undefined ? undefined : "error"}
      help={wrong === undefined ? undefined : t.explorer.wrong[wrong.rule](wrong.limit)}
    >
      <Editor id={id} name={name} of={of} schema={schema} isInstance={name === operation?.instance} text={text} set={set} />
    </Form.Item>
  );
}

interface EditorOf {
  id: string;
  name: string;
  of: Parameter;
  schema: Schema;
  isInstance: boolean;
  text: string;
  set: (text: string) => void;
}

function Editor({ id, name, of, schema, isInstance, text, set }: EditorOf) {
  const t = useText();
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  if (choices !== undefined)
    return <Select id={id} aria-label={name} allowClear value={text === "" ? undefined : text} placeholder={schema.default === undefined ? undefined : t.explorer.byDefault(String(schema.default))} onChange={(v?: string) => set(v ?? "")} options={choices.map((value) => ({ value }))} />;
  if (isInstance) return <InstanceInput id={id} name={name} text={text} set={set} />;
  if (isSecret(of) && (schema.maxLength ?? Infinity) < LONG) return <Input.Password id={id} autoComplete="off" value={text} onChange={(e) => set(e.target.value)} />;
  if ((schema.maxLength ?? 0) > LONG || isSecret(of)) return <PemInput id={id} label={name} value={text} onChange={set} placeholder={typeof of.example === "string" ? of.example : ""} />;
  return (
    <Input
      id={id}
      value={text}
      spellCheck={false}
      inputMode={schema.type === "integer" ? "numeric" : undefined}
      placeholder={schema.default !== undefined ? t.explorer.byDefault(String(schema.default)) : of.example === undefined ? undefined : String(of.example)}
      onChange={(e) => set(e.target.value)}
    />
  );
}

function InstanceInput({ id, name, text, set }: Pick<EditorOf, "id" | "name" | "text" | "set">) {
  const instances = useInstances().data ?? [];
  return <AutoComplete defaultActiveFirstOption={false} id={id} aria-label={name} value={text} onChange={(v: string) => set(v)} options={instances.map((i) => ({ value: i.InstanceId }))} />;
}

/* Items that have been added or typed; the last can be taken away. */
function ListField({ of, typed, type }: { of: Parameter; typed: Typed; type: (typed: Typed) => void }) {
  const t = useText();
  const [added, setAdded] = useState(of.required === true ? 1 : 0);
  const items = Math.max(added, itemsTyped(of, typed));
  const remove = () => {
    const gone = new Set(flatNames(of, items).map(({ name }) => name));
    flatNames(of, items - 1).forEach(({ name }) => gone.delete(name));
    type(Object.fromEntries(Object.entries(typed).filter(([name]) => !gone.has(name))));
    setAdded(items - 1);
  };
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0, marginBlockEnd: 16 }}>
      <legend>{of.name}</legend>
      <Typography.Paragraph type="secondary">{of.description}</Typography.Paragraph>
      {flatNames(of, items).map(({ name, schema }) => (
        <OneField key={name} name={name} of={{ ...of, required: false }} schema={schema} typed={typed} type={type} />
      ))}
      <Flex gap={8}>
        <Button type="dashed" size="small" icon={<PlusOutlined />} disabled={items >= (of.schema.maxItems ?? Infinity)} aria-label={`${t.common.add} ${of.name}`} onClick={() => setAdded(items + 1)}>
          {t.common.add}
        </Button>
        {items > 0 && (
          <Button type="text" size="small" icon={<MinusCircleOutlined />} aria-label={`${t.common.remove} ${of.name}`} onClick={remove}>
            {t.common.remove}
          </Button>
        )}
      </Flex>
    </fieldset>
  );
}
