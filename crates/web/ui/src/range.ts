// Ranges of time. They end where counting has come to, so that a recording of years ago has a last
// hour as well.

import type { Progress } from "./api.ts";
import { LIVE, type Route } from "./route.ts";

export interface Span {
  from: number;
  to: number;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const RANGES = [
  { name: LIVE, key: "l", title: "Live", seconds: 0 },
  { name: "1h", key: "h", title: "1 h", seconds: HOUR },
  { name: "24h", key: "d", title: "24 h", seconds: DAY },
  { name: "7d", key: "w", title: "7 d", seconds: 7 * DAY },
  { name: "30d", key: "m", title: "30 d", seconds: 30 * DAY },
] as const;

// Seconds that a chart's step may have.
const STEPS = [
  10, 20, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR,
  3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
];

export function spanOf(route: Route, progress: Progress): Span | undefined {
  if (typeof route.range === "object") return route.range;
  if (progress.closed_until === null) return undefined;
  const to = Date.parse(progress.closed_until);
  const known = RANGES.find(({ name }) => name === route.range);
  const seconds = known === undefined || known.seconds === 0 ? progress.window.size_seconds : known.seconds;
  return { from: to - seconds * 1000, to };
}

export const before = ({ from, to }: Span): Span => ({ from: from - (to - from), to: from });

// The step that gives at most so many; whole slides, since panes are not divided.
export function step({ from, to }: Span, slideSeconds: number, most: number): number {
  const least = (to - from) / 1000 / most;
  const fits = STEPS.find((seconds) => seconds >= least && seconds % slideSeconds === 0);
  return fits ?? Math.ceil(least / DAY / slideSeconds) * DAY * slideSeconds;
}

export const isLive = (route: Route): boolean => route.range === LIVE;
