// How much there was in every four hours of the reader's days, by one field of a view by the hour: as bars,
// and as a heat map with its numbers.

import type { Field, View } from "../api.ts";
import * as api from "../api.ts";
import { spanKey, useApp } from "../app.ts";
import { fieldTitle, valueName } from "../descriptor.ts";
import { askedFilters } from "../fields.tsx";
import { heading, hourOf, iso, words } from "../format.ts";
import { Card, Tabs } from "../parts/card.tsx";
import { Chart, kindColour } from "../parts/chart.tsx";
import { Copy } from "../parts/copy.tsx";
import { HeatMap } from "../parts/heat.tsx";
import { useQuery } from "../query.ts";
import { isLive } from "../range.ts";
import { timesOf } from "./over-time.tsx";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STEP_HOURS = 4;
// More columns than these nobody reads.
const DAYS_MAX = 7;
const LISTED = 7;

export function isByHour(view: View): boolean {
  return view.fields.some(({ name, type }) => name === "hour" && type === "time");
}

export function FourHours({ view, measure }: { view: View; measure: Field }) {
  const app = useApp();
  const { stream, route, span } = app;
  const fields = view.fields.filter(({ type }) => type === "text");
  const by = fields.find(({ name }) => name === route.own["by"]) ?? fields.find(({ name }) => name !== stream.scope?.name) ?? fields[0];
  const where = askedFilters(view, stream, route.filters);
  const query = span && by && {
    view: view.name, field: measure.name, by: by.name, where, limit: LISTED, interval: HOUR_MS / 1000,
    from: iso(Math.floor(Math.max(isLive(route) ? span.to - DAY_MS : span.from, span.to - DAYS_MAX * DAY_MS) / HOUR_MS) * HOUR_MS),
    to: iso(span.to),
  };
  const key = query && `four hours ${spanKey(app)} ${measure.name} ${by.name} ${JSON.stringify(where)}`;
  const answer = useQuery(key, (signal) => api.series(query!, signal), app.live.batchNews);
  if (query === undefined || by === undefined) return null;
  const title = `${heading(measure.name)} every ${STEP_HOURS} hours`;
  const data = answer.data;
  const tabs = (
    <Tabs
      label="By"
      tabs={fields.map(({ name }) => ({
        title: fieldTitle(stream, name), to: { own: { ...route.own, by: name } }, chosen: name === by.name,
      }))}
    />
  );
  if (data === undefined) {
    return <Card title={title} answers={[answer]} end={tabs} class="four-hours"><p class="waiting">Loading…</p></Card>;
  }
  const { times, add } = steps(data);
  const groups = data.groups.map(({ name, values }) => ({ name, shown: valueName(stream, by.name, name), values: add(values) }));
  const total = add(data.total.values);
  const others = total.map((all, step) => all - groups.reduce((sum, { values }) => sum + values[step]!, 0));
  const lines = groups.map(({ shown, values }, index) => ({ name: shown, values, colour: kindColour(index) }));
  return (
    <Card
      title={title}
      note={`by ${words(by.name)}`}
      answers={[answer]}
      class="four-hours"
      end={
        <>
          {tabs}
          <Copy
            call={api.seriesUrl(query)}
            name={`${view.name}-by-${by.name}`}
            csv={() => ({
              head: ["time", ...groups.map(({ name }) => name), "others"],
              rows: times.map((time, step) => [iso(time), ...groups.map(({ values }) => values[step]), others[step]]),
            })}
          />
        </>
      }
    >
      <Chart
        label={title}
        kind="bars"
        times={times}
        stepSeconds={(STEP_HOURS * HOUR_MS) / 1000}
        lines={others.some((number) => number > 0) ? [...lines, { name: "others", values: others, colour: kindColour(7) }] : lines}
      />
      <HeatMap label={title} field={by.name} times={times} rows={groups} />
    </Card>
  );
}

// The four hours that each hour belongs to, in the zone of the page, and how to add up what the hours have.
function steps(data: api.Series): { times: number[]; add: (values: (number | null)[]) => number[] } {
  const starts = timesOf(data).map((time) => time - (hourOf(time) % STEP_HOURS) * HOUR_MS);
  const times = [...new Set(starts)];
  const add = (values: (number | null)[]) => {
    const sums = times.map(() => 0);
    values.forEach((value, hour) => {
      sums[times.indexOf(starts[hour]!)]! += value ?? 0;
    });
    return sums;
  };
  return { times, add };
}
