// Where and when: a map, and below it a histogram of the time that it shows. Its bars are the slider:
// one sees where to look before playing.

import "./map.css";

import { useEffect, useMemo, useState } from "preact/hooks";

import type { Document, Series, Stream, View } from "../api.ts";
import * as api from "../api.ts";
import { type App, spanKey, useApp, viewOf } from "../app.ts";
import { everywhere, scopeName, scopeTitle } from "../descriptor.ts";
import { passes, valueAt } from "../fields.tsx";
import { timesOf } from "../cards/over-time.tsx";
import { count, duration, heading, iso, list, period, share, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Copy } from "../parts/copy.tsx";
import { NothingYet } from "../parts/empty.tsx";
import { Play } from "../parts/play.tsx";
import { RankedList } from "../parts/ranked.tsx";
import { type Circle, World } from "../parts/world.tsx";
import { type Answer, useQuery } from "../query.ts";
import { activityQuery, scopesQuery, unused, useScopes } from "../questions.ts";
import { type Span, isLive, step } from "../range.ts";
import { go, setOwn, toggled, valueOf } from "../route.ts";
import { offsetAt, wallSteps } from "../steps.ts";

const DAY_MS = 86_400_000;
const STEPS = 96;
// Steps that one may choose, in hours of the reader's days.
const HOURS = [1, 4, 24];
// Parts of which such hours consist in every zone, in seconds.
const PARTS = [3600, 1800, 900];
// Parts that one answer may have.
const PARTS_MAX = 1000;
const LISTED = 16;
const FACTS_PLACED = 3000;

// "Live" has the map of the last window, and the day until then to play.
function daySpan({ route, span }: App): Span {
  return isLive(route) ? { from: span!.to - DAY_MS, to: span!.to } : span!;
}

export function MapPage() {
  const app = useApp();
  if (app.span === undefined) return <NothingYet />;
  return <MapOf app={app} />;
}

function MapOf({ app }: { app: App }) {
  const { stream, route } = app;
  const span = app.span!;
  const day = daySpan(app);
  const byCountry = stream.scope?.values === "country";
  const part = partOf(app, day);
  const hours = part === undefined ? undefined : HOURS.find((hours) => route.own["step"] === `${hours}h`);
  const steps = useSteps(app, day, byCountry ? stream.scope!.name : undefined, hours === undefined ? undefined : { hours, part: part! });
  const now = useScopes(app);
  const played = useMemo(() => steps.data && playedOf(steps.data, hours), [steps.data, hours, route.zone]);
  const at = chosenStep(route.own["at"], played);
  const playing = at !== undefined && played !== undefined;
  const shown = playing ? { from: played.times[at]!, to: played.times[at + 1]! } : span;
  const circles = useCircles(app, shown, route.own["places"] === "on" || !byCountry);
  const facts = words(stream.fact.many);

  const exact = useExactStep(app, playing ? shown : undefined, byCountry);
  const countries = new Map(!byCountry ? [] : playing
    ? (exact ?? played.groups.map(({ name, values }) => ({ name, value: values[at]! })))
      .filter(({ value }) => value > 0).map(({ name, value }) => [name, value])
    : (now.data?.groups ?? []).map(({ name, value }) => [name, value]));
  // A shade means the same in all steps of a day.
  const most = useMemo(
    () => (playing ? Math.max(1, ...played.groups.flatMap(({ values }) => values)) : undefined),
    [played, playing],
  );
  const total = playing ? played.values[at]! : now.data?.total ?? 0;
  const ranked = [...countries].sort(([, a], [, b]) => b - a);
  const nameOf = (code: string) => (stream.scope ? scopeName(stream.scope, code) : code);
  const left = unused(app, [stream.scope?.name, stream.kind.name]).map(words);
  const notes = [circles.note, left.length > 0 ? `Countries are not filtered by ${list(left)}.` : undefined].filter(Boolean).join(" ");
  const named = ranked.slice(0, 5).map(([code]) => nameOf(code));
  return (
    <>
      <header class="page-head">
        <h1>Map</h1>
        <div class="page-end">
          {part !== undefined && (
            <select class="field" aria-label="Steps of the slider" value={hours === undefined ? "" : `${hours}h`} onChange={(event) => setOwn("step", event.currentTarget.value)}>
              <option value="">Steps that fit</option>
              {HOURS.map((hours) => <option key={hours} value={`${hours}h`}>Steps of {duration(hours * 3600)}</option>)}
            </select>
          )}
          {byCountry && hasPlaces(stream) && (
            <button
              class="button"
              aria-pressed={route.own["places"] === "on"}
              onClick={() => setOwn("places", route.own["places"] === "on" ? "" : "on")}
            >
              Places
            </button>
          )}
        </div>
      </header>
      <div class="map-page">
        <Card
          title={`${heading(facts)}: ${count(total ?? 0)}`}
          note={period(shown.from, shown.to)}
          answers={[steps, now]}
          class="map-main"
          foot={notes === "" ? undefined : notes}
        >
          <World
            label={named.length > 0
              ? `Map of ${facts} by ${words(stream.scope!.name)}; most are in ${named.join(", ")}`
              : `Map of ${facts}: ${count(circles.circles.length)} places`}
            unit={facts}
            countries={countries}
            nameOf={nameOf}
            circles={circles.circles}
            chosen={valueOf(route, stream.scope?.name)}
            choose={(code) => go({ filters: toggled(route.filters, stream.scope!.name, code) })}
            most={most}
          />
          {played && <Play times={played.times} values={played.values} otherwise="Now" at={at} unit={facts} />}
        </Card>
        {byCountry && (
          <Card
            title={scopeTitle(stream.scope!)}
            note={`${count(ranked.length)} with ${facts}`}
            end={
              <Copy
                call={api.topUrl({ ...scopesQuery(app, shown) })}
                name={`${stream.name}-map`}
                csv={() => ({ head: [stream.scope!.name, stream.fact.many], rows: ranked })}
              />
            }
          >
            {ranked.length === 0 && <p class="card-empty">{everywhere(stream.scope!)}: no {facts} in this time.</p>}
            <RankedList
              label={scopeTitle(stream.scope!)}
              field={stream.scope!.name}
              rows={ranked.slice(0, LISTED).map(([code, number]) => ({
                value: code, name: nameOf(code), number, end: share(total ? number / total : 0),
              }))}
            />
          </Card>
        )}
      </div>
    </>
  );
}

function useSteps(app: App, day: Span, by: string | undefined, wall: { hours: number; part: number } | undefined): Answer<Series> {
  const { where: filters } = activityQuery(app, day, by);
  const where = { ...filters };
  if (by !== undefined) delete where[by];
  const shown = wall === undefined ? whole(app, day) : onWall(day, wall);
  return useQuery(`steps ${shown.from} ${shown.to} ${shown.interval} ${JSON.stringify(where)}`, async (signal) => {
    const ask = (span: Whole, field: string | undefined) => {
      const { from, to, interval } = span;
      return api.series({ ...activityQuery(app, { from, to }, field), where, interval }, signal);
    };
    const series = await ask(shown, by);
    // A stream that began a quarter of an hour ago has no day yet: its steps are shorter then.
    const first = beginning(series);
    if (wall !== undefined || !isLive(app.route) || first < series.buckets / 2) return series;
    const began = Date.parse(series.start) + first * series.interval_seconds * 1000;
    return ask(whole(app, { from: began, to: day.to }), by);
  }, app.live.news + app.live.batchNews);
}

// The step from which on there is all but a hundredth, which may have come with strange times.
function beginning({ total }: Series): number {
  let before = 0;
  return total.values.findIndex((value) => {
    before += value ?? 0;
    return before > (total.value ?? 0) / 100;
  });
}

interface Played {
  // Starts of the steps and, as the last one, the end; in ms.
  times: number[];
  values: number[];
  groups: { name: string; values: number[] }[];
}

// Each bucket of the series is a step, or those of so many hours are, by the clock on the wall.
function playedOf(series: Series, hours: number | undefined): Played {
  const times = timesOf(series);
  const end = times.at(-1)! + series.interval_seconds * 1000;
  const { starts, at, ...steps } = hours === undefined
    ? { starts: times, at: undefined, end }
    : wallSteps({ from: times[0]!, to: end }, hours);
  const add = (values: (number | null)[]) => {
    if (at === undefined) return values.map((value) => value ?? 0);
    const sums = starts.map(() => 0);
    values.forEach((value, part) => (sums[at(times[part]!)]! += value ?? 0));
    return sums;
  };
  const groups = series.groups.map(({ name, values }) => ({ name, values: add(values) }));
  return { times: [...starts, steps.end], values: add(series.total.values), groups };
}

// The longest parts of which hours of the reader's clock consist; undefined where a series cannot have them.
function partOf(app: App, { from, to }: Span): number | undefined {
  const slide = app.progress?.window.slide_seconds ?? 10;
  const part = PARTS.find((part) => [from, to].every((time) => offsetAt(time) % (part * 1000) === 0));
  // A day more: the first and the last step are whole.
  const parts = part === undefined ? Infinity : (to - from + 2 * DAY_MS) / 1000 / part;
  return part !== undefined && part % slide === 0 && parts <= PARTS_MAX ? part : undefined;
}

interface Whole extends Span {
  interval: number;
}

// Whole steps, so that the same day has the same ones while time goes on.
function whole(app: App, { from, to }: Span): Whole {
  const interval = step({ from, to }, app.progress?.window.slide_seconds ?? 10, STEPS);
  const ms = interval * 1000;
  const end = Math.ceil(to / ms) * ms;
  return { from: end - Math.ceil((to - from) / ms) * ms, to: end, interval };
}

// Whole steps by the clock on the wall, in parts of seconds.
function onWall(day: Span, { hours, part }: { hours: number; part: number }): Whole {
  const { starts, end } = wallSteps(day, hours);
  return { from: starts[0]!, to: end, interval: part };
}

// The step that the URL names by its time.
function chosenStep(own: string | undefined, played: Played | undefined): number | undefined {
  if (own === undefined || own === "" || played === undefined) return undefined;
  const at = played.times.indexOf(Date.parse(own));
  return at < 0 || at === played.values.length ? undefined : at;
}

// A series has the largest countries only; what one looks at for longer has all of them.
function useExactStep(app: App, span: Span | undefined, byCountry: boolean): { name: string; value: number }[] | undefined {
  const [still, setStill] = useState<Span>();
  const key = span && `${span.from}`;
  useEffect(() => {
    const timer = setTimeout(() => setStill(span), 400);
    return () => clearTimeout(timer);
  }, [key]);
  const wanted = byCountry && still !== undefined && span !== undefined && still.from === span.from ? still : undefined;
  const answer = useQuery(wanted && `step ${wanted.from} ${JSON.stringify(app.route.filters)}`, (signal) => api.top(scopesQuery(app, wanted!), signal));
  return wanted === undefined || answer.old ? undefined : answer.data?.groups;
}

// Without single facts there are no places to show, whatever the stream knows of them.
function hasPlaces({ place, facts_view }: Stream): boolean {
  return place && facts_view.shown;
}

// Circles at the places of single facts, as far as these are kept.
function useCircles(app: App, span: Span, wanted: boolean): { circles: Circle[]; note: string | undefined } {
  const { stream } = app;
  const view = viewOf(app, stream.facts_view.name);
  const place = view?.fields.find(({ type }) => type === "location");
  const has = wanted && hasPlaces(stream) && view !== undefined && place !== undefined;
  const answer = useQuery(
    has ? `places ${spanKey(app)} ${span.from} ${span.to}` : undefined,
    (signal) => api.allDocuments(view!.name, { from: iso(span.from), to: iso(span.to) }, FACTS_PLACED, signal),
  );
  if (!has || answer.data === undefined) return { circles: [], note: undefined };
  const { documents, more } = answer.data;
  const circles = placed(documents.filter((document) => passes(document, view!, stream, app.route.filters)), view!, place!.name);
  const facts = words(stream.fact.many);
  const note = more
    ? `Circles are the places of the newest ${count(FACTS_PLACED)} ${facts} of this time.`
    : `Circles are the places of all ${facts} of this time that have one.`;
  return { circles, note };
}

function placed(documents: Document[], view: View, place: string): Circle[] {
  const beside = place.includes(".") ? place.slice(0, place.lastIndexOf(".") + 1) : "";
  const named = (ending: RegExp) => view.fields.find(({ name }) => name.startsWith(beside) && ending.test(name))?.name;
  const label = named(/(^|\.)city$/) ?? named(/(^|\.)name$/);
  const circles = new Map<string, Circle>();
  for (const document of documents) {
    const at = valueAt(document, place) as { lat: number; lon: number } | undefined;
    if (at === undefined) continue;
    const key = `${at.lat.toFixed(1)} ${at.lon.toFixed(1)}`;
    const known = circles.get(key);
    if (known !== undefined) {
      known.number += 1;
      continue;
    }
    const name = String((label && valueAt(document, label)) ?? `${at.lat.toFixed(1)}, ${at.lon.toFixed(1)}`);
    circles.set(key, { key, name, lat: at.lat, lon: at.lon, number: 1 });
  }
  // The small ones last, so that none is hidden.
  return [...circles.values()].sort((a, b) => b.number - a.number);
}

