// Where, in all of the time or in every four hours of it: the slider plays them.

import { useMemo } from "preact/hooks";

import { useApp } from "../app.ts";
import { scopeName } from "../descriptor.ts";
import { count, heading, period, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Play } from "../parts/play.tsx";
import { World } from "../parts/world.tsx";
import { go, toggled, valueOf } from "../route.ts";
import { overTime } from "./counting.ts";
import type { Shown } from "./report.tsx";
import { stepsOf, wallSteps } from "../steps.ts";

const STEP_HOURS = 4;

export function WorldOverTime({ shown: { data, passing, span } }: { shown: Shown }) {
  const { stream, route } = useApp();
  const { scope } = stream;
  const dimension = data.header.layout.dimensions.find(({ name }) => name === scope?.name);
  const { steps, found } = useMemo(() => {
    const steps = wallSteps(span, STEP_HOURS);
    if (dimension === undefined || scope?.values !== "country") return { steps, found: [] };
    const groups = dimension.values.map((_, at) => [at]);
    // A country is chosen among the others.
    const ignored = passing.bits.get(dimension.name) ?? 0;
    const found = overTime(
      data, passing.fails, ignored, stepsOf(data.times, steps), steps.starts.length, dimension.column,
      (set) => groups[set - 1] ?? [], groups.length,
    );
    return { steps, found };
  }, [passing, route.zone]);
  if (dimension === undefined || scope === null || found.length === 0) return null;
  const chosen = steps.starts.indexOf(Date.parse(route.own["at"] ?? ""));
  const at = chosen < 0 ? undefined : chosen;
  const sum = (values: Float64Array) => values.reduce((all, value) => all + value, 0);
  const numbers = found.map((values, place) => [dimension.values[place]!, at === undefined ? sum(values) : values[at]!] as const);
  const countries = new Map(numbers.filter(([, number]) => number > 0));
  const totals = steps.starts.map((_, index) => found.reduce((all, values) => all + values[index]!, 0));
  const total = at === undefined ? sum(Float64Array.from(totals)) : totals[at]!;
  const most = at === undefined ? undefined : Math.max(1, ...found.flatMap((values) => [...values]));
  const facts = words(stream.fact.many);
  const shown = at === undefined ? span : { from: steps.starts[at]!, to: steps.starts[at + 1] ?? steps.end };
  const named = [...countries].sort(([, a], [, b]) => b - a).slice(0, 5).map(([code]) => scopeName(scope, code));
  return (
    <Card title={`${heading(facts)} by ${words(scope.name)}`} note={`${count(total)}, ${period(shown.from, shown.to)}`} class="report-wide report-map">
      <World
        label={`Map of ${facts} by ${words(scope.name)}; most are in ${named.join(", ")}`}
        unit={facts}
        countries={countries}
        nameOf={(code) => scopeName(scope, code)}
        circles={[]}
        chosen={valueOf(route, scope.name)}
        choose={(code) => go({ filters: toggled(route.filters, scope.name, code) })}
        most={most}
      />
      <Play times={[...steps.starts, steps.end]} values={totals} otherwise="All" at={at} unit={facts} />
    </Card>
  );
}
