// All of a report on one page: how much, when, where, and by what.

import { useEffect, useMemo } from "preact/hooks";

import { HoursGrid } from "../cards/hours.tsx";
import { useApp } from "../app.ts";
import { duration, heading, instant, list, period, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Chart, kindColour } from "../parts/chart.tsx";
import { Chips, ChooseZone, ThemeButton } from "../parts/controls.tsx";
import { type Span, step } from "../range.ts";
import { LIVE, go, theRoute } from "../route.ts";
import { beLight, toggleTheme } from "../theme.ts";
import { Breakdowns } from "./breakdown.tsx";
import { type Passing, overTime, passing } from "./counting.ts";
import type { Data } from "./data.ts";
import { Figures } from "./figures.tsx";
import { FourHours } from "./four-hours.tsx";
import { Made, notes } from "./made.tsx";
import { WorldOverTime } from "./map.tsx";
import { evenSteps, stepsOf, wallSteps } from "../steps.ts";

const STEPS_SHOWN = 120;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
// As many days of hours fit on a screen.
const DAYS_MAX = 62;

export function wholeSpan({ header, times }: Data): Span {
  return { from: times[0]!, to: times.at(-1)! + header.layout.unit_minutes * MINUTE_MS };
}

export interface Shown {
  data: Data;
  passing: Passing;
  span: Span;
}

export function Report({ data }: { data: Data }) {
  const { route, stream } = useApp();
  const custom = typeof route.range === "object" ? route.range : undefined;
  const key = JSON.stringify([route.filters, custom]);
  const passed = useMemo(() => passing(data, route.filters, custom), [data, key]);
  const span = custom ?? wholeSpan(data);
  const shown: Shown = useMemo(() => ({ data, passing: passed, span }), [passed]);
  useKeys();
  useLightPrint();
  document.title = `${stream.title}: ${period(span.from, span.to)}`;
  return (
    <div class="report">
      <header class="bar">
        <span class="brand">{stream.title}</span>
        <div class="chips">
          {custom && (
            <button class="chip" onClick={() => go({ range: LIVE })}>
              <bdi>{period(custom.from, custom.to)}</bdi>
              <span aria-hidden="true">×</span>
              <span class="unseen">: show the whole time</span>
            </button>
          )}
          <Chips />
          {(custom || route.filters.length > 0) && (
            <button class="button quiet" title="Show everything (Esc)" onClick={() => go({ filters: [], range: LIVE })}>Show all</button>
          )}
        </div>
        <div class="bar-end">
          <ChooseZone />
          <ThemeButton />
        </div>
      </header>
      <main class="page" id="page">
        <header class="page-head report-head">
          <h1>{stream.title}</h1>
          <p class="muted">
            {instant(span.from)} – {instant(span.to)} ({route.zone}), from <bdi>{data.header.source}</bdi>
          </p>
        </header>
        {notes(data).map((note) => <p key={note} class="report-note">{note}</p>)}
        <Figures shown={shown} />
        <div class="report-cards">
          <OverTime shown={shown} />
          <FourHours shown={shown} />
          <WorldOverTime shown={shown} />
          <Breakdowns shown={shown} />
          <Hours shown={shown} />
          <Made data={data} />
        </div>
      </main>
    </div>
  );
}

function OverTime({ shown: { data, passing: { fails }, span } }: { shown: Shown }) {
  const { stream } = useApp();
  const { layout } = data.header;
  const seconds = step(span, layout.unit_minutes * 60, STEPS_SHOWN);
  const kinds = stream.kind.values;
  const { route } = useApp();
  const { starts, found } = useMemo(() => {
    const steps = evenSteps(span, seconds);
    const dimension = layout.dimensions.find(({ name }) => name === stream.kind.name);
    const groups = dimension?.values.map((_, at) => [at]) ?? [[0]];
    const groupOf = (set: number) => (dimension === undefined ? groups[0]! : groups[set - 1] ?? []);
    const numbers = overTime(data, fails, 0, stepsOf(data.times, steps), steps.starts.length, dimension?.column, groupOf, groups.length);
    return { starts: steps.starts, found: new Map(numbers.map((values, at) => [dimension?.values[at] ?? "", [...values]])) };
  }, [fails, route.zone]);
  const lines = kinds.flatMap((name, index) => {
    const values = found.get(name);
    return values === undefined || values.every((value) => value === 0) ? [] : [{ name, values, colour: kindColour(index) }];
  });
  const title = `${heading(stream.fact.many)} over time`;
  return (
    <Card title={title} note={`every ${duration(seconds)}`} class="report-wide">
      <Chart label={title} kind="bars" times={starts} stepSeconds={seconds} lines={lines} />
    </Card>
  );
}

// Each hour of each day.
function Hours({ shown: { data, passing: { fails }, span } }: { shown: Shown }) {
  const { stream, route } = useApp();
  const days = (span.to - span.from) / DAY_MS;
  const hours = useMemo(() => {
    const whole = { from: Math.floor(span.from / HOUR_MS) * HOUR_MS, to: span.to };
    const steps = wallSteps(whole, 1);
    const [values] = overTime(data, fails, 0, stepsOf(data.times, steps), steps.starts.length, undefined, () => [0], 1);
    return { times: steps.starts, values: [...values!] };
  }, [fails, route.zone]);
  if (days < 1 || days > DAYS_MAX) return null;
  return <HoursGrid facts={words(stream.fact.many)} times={hours.times} values={hours.values} />;
}

// First the filters, then the range, as on the pages.
function useKeys(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (event.target instanceof HTMLElement && event.target.closest("input, select, textarea")) return;
      if (event.key === "x") toggleTheme();
      if (event.key !== "Escape") return;
      if (theRoute().filters.length > 0) go({ filters: [] });
      else go({ range: LIVE });
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

// Paper is white.
function useLightPrint(): void {
  useEffect(() => {
    let back = () => {};
    const before = () => (back = beLight());
    const after = () => back();
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => {
      removeEventListener("beforeprint", before);
      removeEventListener("afterprint", after);
    };
  }, []);
}

export const listed = (names: string[]): string => list(names.map(words));
