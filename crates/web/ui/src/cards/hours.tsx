// When: each hour of each day, as dark as it was busy. A click goes there.

import "./hours.css";

import { useState } from "preact/hooks";

import * as api from "../api.ts";
import { spanKey, useApp } from "../app.ts";
import { count, dayShort, hourOf, minute, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { type Answer, useQuery } from "../query.ts";
import { activityFilters, activityQuery } from "../questions.ts";
import { go } from "../route.ts";
import { timesOf } from "./over-time.tsx";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
// Fewer days show no week; more have more hours than one question may ask for.
const DAYS_MIN = 2;
const DAYS_MAX = 41;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

export function Hours() {
  const app = useApp();
  const { stream, span } = app;
  const days = span === undefined ? 0 : (span.to - span.from) / DAY_MS;
  const wanted = span !== undefined && days >= DAYS_MIN && days <= DAYS_MAX;
  const query = wanted ? { ...activityQuery(app, span, undefined), interval: HOUR_MS / 1000 } : undefined;
  const answer = useQuery(
    query && `hours ${spanKey(app)} ${JSON.stringify(activityFilters(app))}`,
    (signal) => api.series(query!, signal),
    app.live.batchNews,
  );
  if (!wanted || answer.data === undefined) return null;
  return <HoursGrid facts={words(stream.fact.many)} times={timesOf(answer.data)} values={answer.data.total.values} answers={[answer]} />;
}

export function HoursGrid({ facts, times, values, answers = [] }: {
  facts: string;
  // Starts of hours.
  times: number[];
  values: (number | null)[];
  answers?: Answer<unknown>[];
}) {
  const [pointed, setPointed] = useState<string>();
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const rows = new Map<string, { time: number; hour: number; value: number }[]>();
  times.forEach((time, index) => {
    const name = dayShort(time);
    rows.set(name, [...(rows.get(name) ?? []), { time, hour: hourOf(time), value: values[index] ?? 0 }]);
  });
  const busiest = [...rows].flatMap(([name, cells]) => cells.map((cell) => ({ ...cell, name }))).reduce((a, b) => (b.value > a.value ? b : a));
  return (
    <Card title="Hours" note={pointed ?? `${facts} in each hour; click one to go there`} answers={answers} class="overview-wide">
      <div
        class="hours"
        role="img"
        aria-label={`${facts} by day and hour; most on ${busiest.name} from ${minute(busiest.time)}: ${count(busiest.value)}`}
        onPointerLeave={() => setPointed(undefined)}
      >
        {[...rows].map(([name, cells]) => (
          <div key={name} class="hours-day">
            <span>{name}</span>
            {HOURS.map((hour) => {
              const cell = cells.find((known) => known.hour === hour);
              if (cell === undefined) return <i key={hour} />;
              return (
                <i
                  key={hour}
                  class="hours-cell"
                  style={{ "--shade": `${(Math.sqrt(cell.value / most) * 100).toFixed(1)}%` }}
                  onPointerEnter={() => setPointed(`${name}, ${minute(cell.time)}: ${count(cell.value)} ${facts}`)}
                  onClick={() => go({ range: { from: cell.time, to: cell.time + HOUR_MS } })}
                />
              );
            })}
          </div>
        ))}
        <div class="hours-day hours-axis">
          <span />
          {HOURS.map((hour) => <i key={hour}>{hour % 3 === 0 ? String(hour).padStart(2, "0") : ""}</i>)}
        </div>
      </div>
    </Card>
  );
}
