// How much there was in every four hours, by one thing that facts have: bars, and the same as numbers.

import { useMemo } from "preact/hooks";

import { useApp } from "../app.ts";
import { fieldTitle, valueName } from "../descriptor.ts";
import { count, heading, words } from "../format.ts";
import { Card, Tabs } from "../parts/card.tsx";
import { Chart, kindColour } from "../parts/chart.tsx";
import { type HeatRow, HeatMap } from "../parts/heat.tsx";
import { breakdown, overTime } from "./counting.ts";
import type { Dimension } from "./data.ts";
import type { Shown } from "./report.tsx";
import { stepsOf, wallSteps } from "../steps.ts";

const STEP_HOURS = 4;
const HOUR_SECONDS = 3600;
const LISTED = 7;
// Columns of a heat map below one another, and all of them: a week.
const COLUMNS = 24;
const COLUMNS_MAX = 42;

export function FourHours({ shown }: { shown: Shown }) {
  const { stream, route } = useApp();
  const { dimensions } = shown.data.header.layout;
  const told = dimensions.filter(({ values }) => values.length > 1);
  // What the stream itself tells apart by scope, else what has few values, is seen best.
  const byScope = ({ name }: Dimension) => Number(stream.facets.some(({ term, by_scope_view }) => term.one === name && by_scope_view !== null));
  const usual = told.filter(({ facet }) => facet).sort((a, b) => byScope(b) - byScope(a) || a.values.length - b.values.length)[0];
  const by = told.find(({ name }) => name === route.own["by"]) ?? usual ?? told[0];
  if (by === undefined) return null;
  const tabs = (
    <Tabs
      label="By"
      tabs={told.map(({ name }) => ({ title: fieldTitle(stream, name), to: { own: { ...route.own, by: name } }, chosen: name === by.name }))}
    />
  );
  return (
    <Card title={`${heading(stream.fact.many)} every ${STEP_HOURS} hours`} note={`by ${words(by.name)}`} end={tabs} class="report-wide">
      <Charts key={by.name} shown={shown} by={by} />
    </Card>
  );
}

function Charts({ shown: { data, passing, span }, by }: { shown: Shown; by: Dimension }) {
  const { stream, route } = useApp();
  const { starts, rows } = useMemo(() => {
    const steps = wallSteps(span, STEP_HOURS);
    // Those that there are most of; all others, and facts that have none, are two more groups.
    const top = breakdown(data, { ...passing, bits: new Map() }, by).rows.filter(({ at }) => at !== by.rare).slice(0, LISTED);
    const groups = new Map(top.map(({ at }, group) => [at, group]));
    const [others, none] = [top.length, top.length + 1];
    const groupsOf = (set: readonly number[]): number[] => {
      if (set.length === 0) return [none];
      const found = set.flatMap((at) => groups.get(at) ?? []);
      return found.length === 0 ? [others] : found;
    };
    const ofSets = by.sets?.map(groupsOf) ?? [[none], ...by.values.map((_, at) => groupsOf([at]))];
    const numbers = overTime(data, passing.fails, 0, stepsOf(data.times, steps), steps.starts.length, by.column, (set) => ofSets[set]!, none + 1);
    const row = (at: number, values: Float64Array): HeatRow => ({
      name: by.values[at]!, shown: by.names[at] ?? valueName(stream, by.name, by.values[at]!), values: [...values],
    });
    const rows = top.map(({ at }, group) => row(at, numbers[group]!));
    const rest: [number, string][] = [[others, "others"], [none, "none"]];
    for (const [group, shown] of rest) {
      const values = [...numbers[group]!];
      if (values.some((value) => value > 0)) rows.push({ name: undefined, shown, values });
    }
    return { starts: steps.starts, rows };
  }, [passing, by, route.zone]);
  const lines = rows.map(({ name, shown, values }, index) => ({
    name: shown, values, colour: name === undefined ? (shown === "none" ? "line-strong" : kindColour(7)) : kindColour(index),
  }));
  const last = starts.slice(-COLUMNS_MAX);
  const blocks = Array.from({ length: Math.ceil(last.length / COLUMNS) }, (_, block) => block * COLUMNS + starts.length - last.length);
  const facts = words(stream.fact.many);
  return (
    <>
      <Chart label={`${facts} every ${STEP_HOURS} hours`} kind="bars" times={starts} stepSeconds={STEP_HOURS * HOUR_SECONDS} lines={lines} />
      {by.sets !== null && <p class="muted">What has several is in each of them, so bars may be higher than the number of {facts}.</p>}
      {blocks.map((first) => (
        <HeatMap
          key={first}
          label={`${facts} every ${STEP_HOURS} hours`}
          field={by.name}
          times={starts.slice(first, first + COLUMNS)}
          rows={rows.map((row) => ({ ...row, values: row.values.slice(first, first + COLUMNS) }))}
          most={Math.max(1, ...rows.flatMap(({ values }) => values.slice(-COLUMNS_MAX)))}
        />
      ))}
      {last.length < starts.length && (
        <p class="card-foot">These are the last {count(COLUMNS_MAX)} of {count(starts.length)} steps; drag across a chart to see others.</p>
      )}
    </>
  );
}
