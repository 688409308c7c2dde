/* The devices of an instance: a search whose pages cost the same wherever they are, and what can be done with one or many. */
import { Alert } from "antd";
import { useEffect, useState } from "react";
import { useDevices, type Device } from "../../api/device";
import { useStandard } from "../../api/instance";
import { ApiLink } from "../../components/ApiLink";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { useText } from "../../i18n";
import { useInstanceId } from "../instances/Instance";
import { ActDialog, type Act } from "./ActDialog";
import { ChosenBar } from "./ChosenBar";
import { DeviceDrawer } from "./DeviceDrawer";
import { DeviceTable } from "./DeviceTable";
import { SearchBar, useSearch } from "./SearchBar";
import { Turner } from "./Turner";
import { deviceKey, NONE_CHOSEN, type Chosen } from "./chosen";

export default function Devices() {
  const id = useInstanceId();
  return <DevicesOf key={id} id={id} />;
}

function DevicesOf({ id }: { id: string }) {
  const t = useText();
  const [search, setSearch] = useSearch();
  const [ca, setCa] = useState(search.CaSn);
  const [size, setSize] = useState(20);
  const [cursors, setCursors] = useState([""]); /* of the pages up to this one */
  const [chosen, setChosen] = useState<Chosen>(NONE_CHOSEN);
  const [act, setAct] = useState<Act>();
  const [shown, setShown] = useState<Device>();
  const fromStart = () => setCursors([""]);
  if (ca !== search.CaSn) {
    setCa(search.CaSn); /* another address: what was chosen under the old one is not chosen under this */
    setChosen(NONE_CHOSEN);
    fromStart();
  }
  const found = useDevices(id, search, cursors.at(-1) ?? "", size);
  const standard = useStandard(id);
  const { data } = found;
  const emptied = data !== undefined && !found.isPlaceholderData && data.rows.length === 0 && data.next === "" && cursors.length > 1;
  useEffect(() => {
    if (emptied) setCursors((before) => before.slice(0, -1)); /* its last row was deleted */
  }, [emptied]);
  return (
    <>
      <PageHead title={t.devices.title} note={
          <>
            {t.devices.note}
            <br />
            {t.devices.deleteNote}
          </>
        } api={<ApiLink operation="SearchDeviceCertificate" params={{ MqttInstanceId: id, ...search }} />} />
      {standard && <Alert type="info" showIcon style={{ marginBlockEnd: 16 }} title={t.ca.noEdition} />}
      <Problem error={found.error} retry={() => void found.refetch()} />
      {data?.deaf === true && <Alert type="warning" showIcon style={{ marginBlockEnd: 16 }} title={t.devices.deaf} />}
      <SearchBar
        id={id}
        search={search}
        change={(to) => {
          setSearch(to);
          setChosen(NONE_CHOSEN);
          fromStart();
        }}
        refresh={() => void found.refetch()}
      />
      <ChosenBar id={id} chosen={chosen} choose={setChosen} any={(data?.rows.length ?? 0) > 0} act={(action) => setAct({ action, of: chosen.all ? search : chosen.devices })} />
      <DeviceTable
        id={id}
        rows={data?.rows ?? []}
        loading={found.isPending || found.isPlaceholderData}
        empty={Object.values(search).every((value) => value === undefined) ? t.devices.none : t.devices.noneFound}
        chosen={chosen}
        choose={setChosen}
        show={setShown}
        act={setAct}
      />
      <Turner
        page={cursors.length}
        total={data?.total}
        size={size}
        resize={(to) => {
          setSize(to);
          fromStart();
        }}
        previous={cursors.length === 1 ? undefined : () => setCursors(cursors.slice(0, -1))}
        next={data === undefined || data.next === "" || found.isPlaceholderData ? undefined : () => setCursors([...cursors, data.next])}
      />
      {shown !== undefined && <DeviceDrawer id={id} device={data?.rows.find((d) => d.DeviceSn === shown.DeviceSn && d.CaSn === shown.CaSn) ?? shown} close={() => setShown(undefined)} />}
      {act !== undefined && (
        <ActDialog
          id={id}
          act={act}
          close={(left) => {
            setAct(undefined);
            if (left !== undefined) setChosen(act.single === true ? without(chosen, act.of) : { all: false, devices: left });
          }}
        />
      )}
    </>
  );
}

/* What was done with one row has changed it, or it is gone. */
function without(chosen: Chosen, done: Act["of"]): Chosen {
  const keys = Array.isArray(done) ? done.map(deviceKey) : [];
  return { ...chosen, devices: chosen.devices.filter((d) => !keys.includes(deviceKey(d))) };
}
