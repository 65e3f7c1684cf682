// A line without axes: its shape is for the eye, the number beside it says the rest.

import "./sparkline.css";

// A line between fewer says nothing.
const POINTS_MIN = 4;

interface Props {
  values: (number | null)[];
  width?: number;
  height?: number;
  warm?: boolean;
  // What is usual, drawn behind the line.
  usual?: number | undefined;
}

export function Sparkline({ values, width = 96, height = 28, warm = false, usual }: Props) {
  if (values.length < POINTS_MIN) return <svg class="sparkline" width={width} height={height} aria-hidden="true" />;
  // Where nothing was listed there is no number; the line is at the ground there.
  const numbers = values.map((value) => value ?? 0);
  const most = Math.max(...numbers, usual ?? 0, 1);
  const pad = 3;
  const x = (index: number) => pad + (index / Math.max(1, numbers.length - 1)) * (width - 2 * pad);
  const y = (value: number) => height - pad - (value / most) * (height - 2 * pad);
  const points = numbers.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const last = numbers.length - 1;
  return (
    <svg class={warm ? "sparkline warm" : "sparkline"} viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      {usual !== undefined && (
        <rect class="usual" x={pad} y={y(usual)} width={width - 2 * pad} height={Math.max(1.5, height - pad - y(usual))} />
      )}
      {last > 0 && (
        <>
          <polyline points={points.join(" ")} />
          <circle cx={x(last)} cy={y(numbers[last]!)} r="2.2" />
        </>
      )}
    </svg>
  );
}
