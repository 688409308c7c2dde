/* The operations, by product and subject: a list where there is room, a box to choose from where there is not. */
import { Grid, Input, Menu, Select } from "antd";
import { useMemo, useState } from "react";
import type { Operation, Product } from "../../api/openapi";
import { useText } from "../../i18n";

const PRODUCTS: Product[] = ["onsmqtt", "cas", "signet"];

interface Choice {
  operations: Operation[];
  chosen: string | undefined;
  choose: (name: string) => void;
}

export function OperationChoice({ operations, chosen, choose }: Choice) {
  const t = useText();
  const wide = Grid.useBreakpoint().xl ?? true;
  const [typed, setTyped] = useState("");
  const groups = useMemo(() => {
    const found = operations.filter((o) => `${o.name} ${o.summary} ${o.tag}`.toLowerCase().includes(typed.trim().toLowerCase()));
    return PRODUCTS.map((product) => ({ product, operations: found.filter((o) => o.product === product) })).filter((g) => g.operations.length > 0);
  }, [operations, typed]);
  if (!wide)
    return (
      <Select
        aria-label={t.explorer.choose}
        placeholder={t.explorer.choose}
        value={chosen}
        onChange={choose}
        style={{ width: "100%" }}
        showSearch={{ optionFilterProp: "value" }}
        options={PRODUCTS.map((product) => ({
          label: t.explorer.products[product],
          options: operations.filter((o) => o.product === product).map((o) => ({ value: o.name, label: o.name })),
        }))}
      />
    );
  return (
    <nav aria-label={t.explorer.choose}>
      <Input allowClear aria-label={t.common.search} placeholder={t.common.search} value={typed} onChange={(e) => setTyped(e.target.value)} style={{ marginBlockEnd: 8 }} />
      <Menu
        mode="inline"
        inlineIndent={8}
        selectedKeys={chosen === undefined ? [] : [chosen]}
        onClick={(e) => choose(e.key)}
        style={{ maxHeight: "70vh", overflow: "auto", borderInlineEnd: 0 }}
        items={groups.map((g) => ({
          key: g.product,
          type: "group",
          label: t.explorer.products[g.product],
          children: g.operations.map((o) => ({ key: o.name, label: o.name, title: o.summary })),
        }))}
      />
    </nav>
  );
}
