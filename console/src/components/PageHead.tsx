/* The head of a page: its title, what can be done, and the API call behind what it shows. */
import { Flex, Typography } from "antd";
import { useEffect, type ReactNode } from "react";
import { useParams } from "react-router-dom";

interface Head {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  api?: ReactNode; /* an ApiLink */
}

export function PageHead({ title, note, actions, api }: Head) {
  const instance = useParams()["instance"]; /* so that the browser's tabs and its history can be told apart */
  useEffect(() => {
    document.title = [title, ...(instance === undefined ? [] : [instance]), "Signet"].join(" – ");
  }, [title, instance]);
  return (
    <Flex justify="space-between" align="flex-start" gap={8} style={{ marginBlockEnd: 16 }}>
      <Flex wrap justify="space-between" align="flex-start" gap={12} style={{ flex: 1, minWidth: 0 }}>
        <div style={{ minWidth: 0 }}>
          <Typography.Title level={1} style={{ fontSize: 22, margin: 0 }}>
            {title}
          </Typography.Title>
          {note !== undefined && <Typography.Text type="secondary">{note}</Typography.Text>}
        </div>
        {actions && (
          <Flex wrap gap={8} align="center">
            {actions}
          </Flex>
        )}
      </Flex>
      {api}
    </Flex>
  );
}
