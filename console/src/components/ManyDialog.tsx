/* How far a long piece of work is: a bar, what failed and why, and a way to stop. It stops, too, when its page is left. */
import { Button, List, Modal, Progress as Bar, Typography } from "antd";
import { useEffect, useRef, useState } from "react";
import { ApiError } from "../api/call";
import { useText } from "../i18n";
import { runMany, type Progress } from "./many";

interface Work<T> {
  title: string;
  items: readonly T[];
  one: (item: T) => Promise<unknown>;
  name: (item: T) => string;
  close: (progress: Progress<T>) => void;
}

const SHOWN = 50;

export function ManyDialog<T>({ title, items, one, name, close }: Work<T>) {
  const t = useText();
  const [progress, setProgress] = useState<Progress<T>>({ done: 0, failed: [], total: items.length });
  const [over, setOver] = useState(false);
  const [stopping, setStopping] = useState(false);
  const control = useRef<AbortController>(undefined);
  const work = useRef({ items, one }); /* as it was when it began */

  useEffect(() => {
    const stop = (control.current = new AbortController());
    const begin = setTimeout(async () => {
      setProgress(await runMany(work.current.items, work.current.one, setProgress, stop.signal));
      setOver(true);
    });
    return () => {
      clearTimeout(begin);
      stop.abort();
    };
  }, []);
  const halt = () => {
    setStopping(true);
    control.current?.abort();
  };

  const failed = progress.failed.length;
  return (
    <Modal
      open
      title={title}
      closable={false}
      mask={{ closable: false }}
      footer={
        over ? (
          <Button type="primary" onClick={() => close(progress)}>
            {t.common.close}
          </Button>
        ) : (
          <Button loading={stopping} onClick={halt}>
            {t.common.stop}
          </Button>
        )
      }
    >
      <Bar percent={Math.floor((100 * progress.done) / Math.max(1, progress.total))} status={failed > 0 ? "exception" : !over ? "active" : progress.done === progress.total ? "success" : "normal"} aria-label={title} />
      <Typography.Paragraph aria-live="polite">{t.common.doneOf(progress.done, progress.total, failed)}</Typography.Paragraph>
      {failed > 0 && (
        <List
          size="small"
          style={{ maxHeight: 240, overflow: "auto" }}
          dataSource={progress.failed.slice(0, SHOWN)}
          renderItem={(f) => (
            <List.Item>
              <Typography.Text>
                <b>{name(f.item)}</b>: {f.error instanceof ApiError && f.error.status === 0 ? t.common.unreachable : f.error.message} {f.error instanceof ApiError && f.error.requestId !== "" && <Typography.Text code>{f.error.requestId}</Typography.Text>}
              </Typography.Text>
            </List.Item>
          )}
        />
      )}
    </Modal>
  );
}
