/* Internationalised domain names. What counts is the A-label, which no look-alike letter can forge; its letters stand beside it. */
import { Typography } from "antd";
import { toUnicode } from "punycode/";

/* "bücher.example" of "xn--bcher-kva.example"; undefined: there is nothing to add. */
export function lettersOf(domain: string): string | undefined {
  if (!domain.includes("xn--")) return undefined;
  try {
    const letters = toUnicode(domain);
    return letters === domain ? undefined : letters;
  } catch {
    return undefined; /* not Punycode, whatever it begins with */
  }
}

export function Letters({ of }: { of: string }) {
  const letters = lettersOf(of);
  return letters === undefined ? null : (
    <Typography.Text type="secondary">
      {" "}
      <bdi>{letters}</bdi>
    </Typography.Text>
  );
}
