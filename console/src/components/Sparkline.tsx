/* A small chart of the last values of one number; what it shows is also said in words. */
import { theme } from "antd";

const WIDTH = 220;
const HEIGHT = 48;

export function Sparkline({ values, room, label }: { values: readonly number[]; room: number; label: string }) {
  const { token } = theme.useToken();
  const most = Math.max(1, ...values);
  const x = (n: number) => ((room - values.length + n) * WIDTH) / Math.max(1, room - 1);
  const y = (v: number) => HEIGHT - 2 - (v / most) * (HEIGHT - 6);
  const line = values.map((v, n) => `${x(n).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" style={{ display: "block", width: "100%", height: HEIGHT }}>
      <line x1={0} x2={WIDTH} y1={HEIGHT - 1} y2={HEIGHT - 1} stroke={token.colorBorderSecondary} />
      {values.length > 1 && (
        <>
          <polygon points={`${x(0).toFixed(1)},${HEIGHT - 1} ${line} ${WIDTH},${HEIGHT - 1}`} fill={token.colorPrimaryBg} />
          <polyline points={line} fill="none" stroke={token.colorPrimary} strokeWidth={1.5} vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
}
