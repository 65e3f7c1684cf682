// Numbers over time. Drag across it to look closer; a click on a bar of a long step goes there.

import "uplot/dist/uPlot.min.css";
import "./chart.css";

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

import { along, clock, count, dayShort, instant, minute, period, theZone } from "../format.ts";
import { go } from "../route.ts";
import { onTheme, token } from "../theme.ts";

export interface Line {
  name: string;
  values: (number | null)[];
  // A token.
  colour: string;
  dashed?: boolean;
}

interface Props {
  label: string;
  // Starts of the steps, in ms.
  times: number[];
  stepSeconds: number;
  lines: Line[];
  // Bars are upon each other; lines are not.
  kind: "bars" | "lines";
  height?: number;
  // Whether a part of it can be looked at closer.
  drag?: boolean;
}

// A shorter step has nothing more to show.
const STEP_LOOKED_INTO = 60;

const KINDS = 8;
export const kindColour = (index: number): string => `kind-${Math.min(index, KINDS - 1)}`;

// Thin lines need stronger colours: the pale one comes last.
export const lineColour = (index: number): string => `kind-${index === 0 ? 0 : index < KINDS - 1 ? index + 1 : 1}`;

export function Chart(given: Props) {
  const [dragging, setDragging] = useState(false);
  const [themes, setThemes] = useState(0);
  const now = { props: given, series: seriesOf(given), looks: `${theZone()} ${themes}` };
  // Whoever drags means what they see: what comes meanwhile is shown afterwards.
  const shown = useRef(now);
  if (!dragging) shown.current = now;
  const { props, series, looks } = shown.current;
  const { label, lines, times, height = 220 } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [hovered, setHovered] = useState<number | undefined>();

  // Paper does not wait until the chart is made anew.
  useEffect(() => onTheme(() => {
    plot.current?.redraw(false);
    setThemes((count) => count + 1);
  }), []);
  useEffect(() => {
    const place = box.current!;
    const made = new uPlot(
      options(latest, place.clientWidth, place.clientHeight, setHovered, setDragging), data(latest.current), place,
    );
    plot.current = made;
    const sized = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = place;
      // It also tells the size that there is at first.
      if (width !== made.width || height !== made.height) made.setSize({ width, height });
    });
    sized.observe(place);
    return () => {
      sized.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [series, looks, height]);
  useEffect(() => plot.current?.setData(data(props)), [times, lines]);

  return (
    <figure class="chart">
      <div
        class="chart-box"
        ref={box}
        style={{ flexBasis: `${height}px` }}
        role="img"
        aria-label={`${label}. ${spoken(props)}`}
      />
      <figcaption class="legend" aria-hidden="true">
        <Legend props={props} hovered={hovered} />
      </figcaption>
    </figure>
  );
}

function Legend({ props: { lines, times, stepSeconds, kind, drag = true }, hovered }: { props: Props; hovered: number | undefined }) {
  const start = hovered === undefined ? undefined : times[hovered];
  return (
    <>
      {lines.map(({ name, colour, values }) => {
        const value = hovered === undefined ? undefined : values[hovered];
        return (
          <span key={name} class="legend-item">
            <svg viewBox="0 0 10 10" width="10" height="10"><rect width="10" height="10" rx="2" fill={`var(--${colour})`} /></svg>
            <bdi>{name}</bdi>
            {value !== undefined && <b>{value === null ? "–" : count(value)}</b>}
          </span>
        );
      })}
      <span class="legend-time">
        {start === undefined
          ? drag && "Drag to look closer"
          : kind === "bars" ? period(start, start + stepSeconds * 1000) : instant(start)}
      </span>
    </>
  );
}

// What is drawn, for who does not see it.
function spoken({ lines, times }: Props): string {
  const sums = times.map((_, index) => lines.reduce((sum, { values }) => sum + (values[index] ?? 0), 0));
  if (sums.length === 0) return "Nothing to show.";
  const most = Math.max(...sums);
  const when = times[sums.indexOf(most)]!;
  return `From ${instant(times[0]!)} to ${instant(times.at(-1)!)}; at most ${count(most)}, at ${instant(when)}.`;
}

// Bars lie upon each other: each is drawn from the ground to the sum of it and those below, the
// highest first.
function data({ kind, times, lines }: Props): uPlot.AlignedData {
  const seconds = times.map((time) => time / 1000);
  if (kind === "lines") return [seconds, ...lines.map(({ values }) => values)] as uPlot.AlignedData;
  const sums: (number | null)[][] = [];
  let below: number[] = times.map(() => 0);
  for (const { values } of lines) {
    below = below.map((sum, index) => sum + (values[index] ?? 0));
    sums.unshift(below);
  }
  return [seconds, ...sums] as uPlot.AlignedData;
}

// Counts have no fractions.
const WHOLE = Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

type Latest = { current: Props };

// What a plot is made for; numbers, times and steps it takes as they come.
const seriesOf = ({ kind, lines }: Props): string =>
  `${kind} ${lines.map(({ name, colour, dashed }) => `${name} ${colour} ${dashed}`).join("|")}`;

function options(
  latest: Latest,
  width: number,
  height: number,
  hover: (index: number | undefined) => void,
  dragged: (now: boolean) => void,
): uPlot.Options {
  const { kind, drag = true } = latest.current;
  const lines = kind === "bars" ? [...latest.current.lines].reverse() : latest.current.lines;
  const font = `12px ${token("font")}`;
  const axis = { stroke: () => token("muted"), font, grid: { stroke: () => token("line"), width: 1 }, ticks: { show: false } };
  const bars = uPlot.paths.bars!({ size: [0.82, 60], align: 1, gap: 0 });
  return {
    width,
    height,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), theZone()),
    cursor: { y: false, drag: { x: drag, y: false, setScale: false }, points: { show: kind === "lines" } },
    scales: {
      x: {
        range: (plot, low, high) => {
          const [times, step] = [plot.data[0], latest.current.stepSeconds];
          // For one time alone the library would show years.
          if (times.length === 1) return [times[0]!, times[0]! + step];
          return kind === "bars" && high === times.at(-1) ? [low, high + step] : [low, high];
        },
      },
      y: { range: (_, __, high) => [0, Math.max(1, (high ?? 1) * 1.08)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 80,
        values: (plot, splits) => ticks(splits, (plot.scales["x"]!.max! - plot.scales["x"]!.min!)),
      },
      { ...axis, size: 46, space: 34, incrs: WHOLE, values: (_, splits) => along(splits) },
    ],
    series: [
      {},
      ...lines.map(({ colour, dashed }) => ({
        stroke: () => token(colour),
        width: kind === "bars" ? 0 : 2,
        spanGaps: false,
        // A number between two that are not known makes no line.
        points: { show: kind === "lines", size: 6, width: 0, fill: () => token(colour), filter: alone },
        ...(kind === "bars" ? { fill: () => token(colour), paths: bars } : {}),
        ...(dashed ? { dash: [4, 4] } : {}),
      })),
    ],
    hooks: {
      setCursor: [(plot) => hover(plot.cursor.idx ?? undefined)],
      setSelect: [(plot) => selected(plot, latest.current.stepSeconds)],
      ready: [
        (plot) => {
          if (drag) held(plot, dragged);
          if (kind === "bars") clicked(plot, latest);
        },
      ],
    },
  };
}

function alone(plot: uPlot, series: number): number[] {
  const values = [...plot.data[series]!];
  const known = (index: number) => values[index] !== null && values[index] !== undefined;
  return values.flatMap((_, index) => (known(index) && !known(index - 1) && !known(index + 1) ? [index] : []));
}

function ticks(splits: number[], spanSeconds: number): string[] {
  if (spanSeconds < 600) return splits.map((seconds) => clock(seconds * 1000));
  if (spanSeconds > 2.5 * 86_400) return splits.map((seconds) => dayShort(seconds * 1000));
  return splits.map((seconds) => minute(seconds * 1000));
}

// A drag goes on outside the chart, too: the pointer may leave it, or the page may move it away while it loads.
function held({ over }: uPlot, dragged: (now: boolean) => void): void {
  over.addEventListener("pointerdown", ({ button, pointerId }) => {
    if (button !== 0) return;
    over.setPointerCapture(pointerId);
    dragged(true);
    const end = new AbortController();
    // On the window, as the plot itself listens at the document.
    for (const name of ["mouseup", "pointercancel"]) {
      addEventListener(name, () => {
        end.abort();
        dragged(false);
      }, { signal: end.signal });
    }
  });
}

// A click on a bar goes there; the end of a drag is a click as well, but not where it began.
function clicked(plot: uPlot, latest: Latest): void {
  let pressed = 0;
  plot.over.addEventListener("pointerdown", ({ clientX }) => (pressed = clientX));
  plot.over.addEventListener("click", ({ clientX }) => {
    const { stepSeconds } = latest.current;
    const index = plot.cursor.idx;
    const start = index === null || index === undefined ? undefined : plot.data[0][index];
    if (start === undefined || stepSeconds < STEP_LOOKED_INTO || Math.abs(clientX - pressed) > 3) return;
    go({ range: { from: start * 1000, to: (start + stepSeconds) * 1000 } });
  });
}

// Whole steps, so that the closer look begins where a bar begins.
function selected(plot: uPlot, stepSeconds: number): void {
  const left = Math.max(0, plot.select.left);
  const right = Math.min(plot.over.clientWidth, plot.select.left + plot.select.width);
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  if (right - left < 6) return;
  const whole = (seconds: number, round: (value: number) => number) => round(seconds / stepSeconds) * stepSeconds * 1000;
  const from = whole(plot.posToVal(left, "x"), Math.floor);
  const to = whole(plot.posToVal(right, "x"), Math.ceil);
  if (to > from) go({ range: { from, to } });
}
