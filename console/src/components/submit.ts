/* What a form sends: the API's error is shown at the field that it names, else above the form. */
import { Form, type FormInstance } from "antd";
import { useEffect, useState } from "react";
import { ApiError } from "../api/call";
import { useAttempt } from "./attempt";

/* `fields`: the parameter's name, or an error's Code that names none, → the form's field. */
export function useSubmit<V extends object>(send: (values: V) => Promise<void>, fields: Record<string, string> = {}) {
  const [form] = Form.useForm<V>();
  const { attempt, error, busy } = useAttempt();
  const [wrong, setWrong] = useState<string>(); /* the field to be looked at, as soon as it may be written in again */
  useEffect(() => {
    if (busy || wrong === undefined) return;
    form.scrollToField(wrong, { focus: true });
    setWrong(undefined);
  }, [form, busy, wrong]);

  const submit = (values: V) =>
    attempt(async () => {
      try {
        await send(values);
      } catch (e) {
        const field = showAtField(form as FormInstance, e, fields);
        if (field === undefined) throw e;
        setWrong(field);
      }
    });
  return { form, submit, error, busy };
}

/* The field; undefined when the error names none. */
function showAtField(form: FormInstance, e: unknown, fields: Record<string, string>): string | undefined {
  if (!(e instanceof ApiError)) return undefined;
  const name = e.field(Object.keys(fields));
  const field = fields[e.code] ?? (name === undefined ? undefined : fields[name]);
  if (field === undefined) return undefined;
  form.setFields([{ name: field, errors: [`${e.message} (${e.code}, ${e.requestId})`] }]);
  return field;
}
