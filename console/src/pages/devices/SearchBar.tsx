/* What is looked for. The CA can be given in the address, too: ?ca=… */
import { ReloadOutlined } from "@ant-design/icons";
import { Button, Flex, Input, Select } from "antd";
import { useState } from "react";
import { useSearchParams } from "react-router-dom";
import { useKnownCas } from "../../api/ca";
import type { DeviceSearch } from "../../api/device";
import { useText } from "../../i18n";

const KEYWORD_MAX = 64;
const ALL = "all";

/* The CA is kept in the address; the rest with the page. */
export function useSearch(): [DeviceSearch, (to: DeviceSearch) => void] {
  const [params, setParams] = useSearchParams();
  const [rest, setRest] = useState<Omit<DeviceSearch, "CaSn">>({});
  const ca = params.get("ca") ?? undefined;
  return [
    { CaSn: ca, ...rest },
    ({ CaSn, ...to }) => {
      setRest(to);
      if (CaSn !== ca) setParams(CaSn === undefined ? {} : { ca: CaSn }, { replace: true });
    },
  ];
}

interface SearchBarOf {
  id: string;
  search: DeviceSearch;
  change: (to: DeviceSearch) => void;
  refresh: () => void;
}

export function SearchBar({ id, search, change, refresh }: SearchBarOf) {
  const t = useText();
  const cas = useKnownCas(id);
  const options = cas.map(({ Sn, CaName, Status }) => ({ value: Sn, label: Status === "1" ? CaName : `${CaName} (${t.common.inactive})` }));
  if (search.CaSn !== undefined && !cas.some((ca) => ca.Sn === search.CaSn)) options.unshift({ value: search.CaSn, label: search.CaSn });
  const find = (typed: string) => change({ ...search, Keyword: typed.trim() === "" ? undefined : typed.trim() });
  return (
    <Flex wrap gap={12} style={{ marginBlockEnd: 12 }}>
      <Input.Search
        allowClear
        maxLength={KEYWORD_MAX}
        aria-label={t.devices.search}
        placeholder={t.devices.search}
        style={{ maxWidth: 360 }}
        onSearch={find}
        onBlur={({ target }) => {
          if (target.value.trim() !== (search.Keyword ?? "")) find(target.value); /* what is done next is not done to what was found before */
        }}
      />
      <Select
        aria-label={t.devices.ca}
        value={search.CaSn ?? ALL}
        showSearch={{ optionFilterProp: "label" }}
        style={{ width: 260, maxWidth: "100%" }}
        options={[{ value: ALL, label: t.devices.allCas }, ...options]}
        onChange={(sn) => change({ ...search, CaSn: sn === ALL ? undefined : sn })}
      />
      <Select<"0" | "1" | typeof ALL>
        aria-label={t.devices.status}
        value={search.Status ?? ALL}
        style={{ minWidth: 170 }}
        options={[
          { value: ALL, label: t.devices.allStatuses },
          { value: "1", label: t.common.active },
          { value: "0", label: t.common.inactive },
        ]}
        onChange={(status) => change({ ...search, Status: status === ALL ? undefined : status })}
      />
      <Button icon={<ReloadOutlined />} onClick={refresh}>
        {t.common.refresh}
      </Button>
    </Flex>
  );
}
