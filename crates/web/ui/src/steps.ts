// Steps of time in the reader's zone: whole hours of the clock on the wall, also where clocks are changed.

import { theZone } from "./format.ts";
import type { Span } from "./range.ts";

const HOUR_MS = 3_600_000;
// All zones are a whole number of these apart.
const QUARTER_MS = 900_000;

export interface Steps {
  // Starts, in ms.
  starts: number[];
  // Where the last one ends.
  end: number;
  // The step of a time, or -1.
  at: (time: number) => number;
}

// What to add to UTC.
export function offsetAt(time: number): number {
  const parts = formatOf(theZone()).formatToParts(time);
  const part = (type: string) => Number(parts.find((found) => found.type === type)!.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(time / 1000) * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}

// Steps of whole hours of the wall; a day has the same ones every day.
export function wallSteps({ from, to }: Span, hours: number): Steps {
  const first = Math.floor(from / QUARTER_MS) * QUARTER_MS;
  const quarters = Math.max(1, Math.ceil((to - first) / QUARTER_MS));
  const length = hours * HOUR_MS;
  const starts: number[] = [];
  const ofQuarter = new Int32Array(quarters);
  let [last, offset] = [NaN, 0];
  for (let quarter = 0; quarter < quarters; quarter += 1) {
    const time = first + quarter * QUARTER_MS;
    // Clocks are changed at whole or half hours.
    if (quarter === 0 || time % (2 * QUARTER_MS) === 0) offset = offsetAt(time);
    const step = Math.floor((time + offset) / length);
    if (step !== last) starts.push(quarter === 0 ? step * length - offset : time);
    last = step;
    ofQuarter[quarter] = starts.length - 1;
  }
  return {
    starts,
    end: (last + 1) * length - offset,
    at: (time) => {
      const quarter = Math.floor((time - first) / QUARTER_MS);
      return quarter >= 0 && quarter < quarters ? ofQuarter[quarter]! : -1;
    },
  };
}

// Equal steps, which begin with the days of the zone as far as they can.
export function evenSteps({ from, to }: Span, seconds: number): Steps {
  const length = seconds * 1000;
  const offset = offsetAt(from);
  const start = Math.floor((from + offset) / length) * length - offset;
  const steps = Math.max(1, Math.ceil((to - start) / length));
  return {
    starts: Array.from({ length: steps }, (_, step) => start + step * length),
    end: start + steps * length,
    at: (time) => {
      const step = Math.floor((time - start) / length);
      return step >= 0 && step < steps ? step : -1;
    },
  };
}

// The step of each of some times, which repeat: rows are in order of time.
export function stepsOf(times: Float64Array, steps: Steps): Int32Array {
  let [time, step] = [NaN, -1];
  return Int32Array.from(times, (next) => {
    if (next !== time) [time, step] = [next, steps.at(next)];
    return step;
  });
}
