// Facts over time, by kind.

import { useMemo } from "preact/hooks";

import * as api from "../api.ts";
import { useApp } from "../app.ts";
import { duration, heading, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Chart, type Line, kindColour } from "../parts/chart.tsx";
import { Copy } from "../parts/copy.tsx";
import { memo } from "../parts/memo.ts";
import type { Answer } from "../query.ts";
import { activityQuery, unused } from "../questions.ts";

export function timesOf({ start, interval_seconds, buckets }: api.Series): number[] {
  return Array.from({ length: buckets }, (_, index) => Date.parse(start) + index * interval_seconds * 1000);
}

function linesOf(stream: api.Stream, data: api.Series): Line[] {
  const lines = stream.kind.values.flatMap((name, index) => {
    const group = data.groups.find((known) => known.name === name);
    return group === undefined ? [] : [{ name, values: group.values, colour: kindColour(index) }];
  });
  return lines.length > 0 ? lines : [{ name: words(stream.fact.many), values: data.total.values, colour: kindColour(0) }];
}

export const OverTime = memo(function OverTime({ facts }: { facts: Answer<api.Series> }) {
  const app = useApp();
  const { stream, span } = app;
  const data = facts.data;
  const title = `${heading(stream.fact.many)} over time`;
  // A chart is drawn when there is something else to draw.
  const { times, shown } = useMemo(() => ({ times: data ? timesOf(data) : [], shown: data ? linesOf(stream, data) : [] }), [stream, data]);
  if (data === undefined || span === undefined) return <Card title={title} answers={[facts]} class="overview-wide"><p class="waiting">Loading…</p></Card>;
  const left = unused(app, [stream.scope?.name, stream.kind.name]);
  const call = api.seriesUrl({ ...activityQuery(app, span, stream.kind.name), interval: data.interval_seconds });
  return (
    <Card
      title={title}
      note={`every ${duration(data.interval_seconds)}${left.length > 0 ? `, not filtered by ${left.map(words).join(", ")}` : ""}`}
      answers={[facts]}
      class="overview-wide"
      end={
        <Copy
          call={call}
          name={`${stream.name}-over-time`}
          csv={() => ({
            head: ["time", ...shown.map(({ name }) => name)],
            rows: times.map((time, index) => [new Date(time).toISOString(), ...shown.map(({ values }) => values[index])]),
          })}
        />
      }
    >
      <Chart
        label={title}
        kind="bars"
        times={times}
        stepSeconds={data.interval_seconds}
        lines={shown}
      />
    </Card>
  );
});
