// The questions that several pages ask, and how filters take part in them.

import { useMemo } from "preact/hooks";

import * as api from "./api.ts";
import { type App, spanKey } from "./app.ts";
import { counted, facetOf, termField } from "./descriptor.ts";
import { iso } from "./format.ts";
import { type Answer, FIRST, useQuery } from "./query.ts";
import { type Span, isLive, step } from "./range.ts";
import { valueOf } from "./route.ts";

const HOUR_MS = 3_600_000;
// What a filter of one request may name: the server reads heads of 16 KiB.
const NAMED_TERMS = 50;
const NAMED_CHARACTERS = 8_000;
// More than a window lists unless the configuration says otherwise.
const LISTED_MAX = 1000;
// What the groups of a series have together at most.
const VALUES_MAX = 50_000;
// More than a page draws of the last window.
const LINED_LIVE = 100;
export const STEPS_SHOWN = 96;
// Fewer do not show what is usual.
const STEPS_COMPARED_MIN = 8;

// --- Activity

// Filters that documents of activity know: by scope and by kind.
export function activityFilters({ route, stream }: App): Record<string, string> {
  const known = [stream.scope?.name, stream.kind.name];
  return Object.fromEntries(
    route.filters.filter(({ field }) => known.includes(field)).map(({ field, value }) => [field, value]),
  );
}

// Filters that do not touch a card, so that it can say so.
export function unused({ route }: App, used: (string | undefined)[]): string[] {
  return route.filters.map(({ field }) => field).filter((field) => !used.includes(field));
}

export function activityQuery(app: App, span: Span, by: string | undefined, field?: string): api.SeriesQuery {
  const { stream } = app;
  return {
    view: stream.activity_view,
    field: field ?? stream.fact.many,
    by,
    from: iso(span.from),
    to: iso(span.to),
    ...(by !== undefined && { limit: 50 }),
    where: activityFilters(app),
  };
}

export function chartStep(app: App, span: Span): number {
  return step(span, app.progress?.window.slide_seconds ?? 10, STEPS_SHOWN);
}

// `false` asks nothing: hooks are called the same number of times always.
export function useActivity(app: App, by: string | undefined, field?: string | false): Answer<api.Series> {
  const { span } = app;
  const where = JSON.stringify(activityFilters(app));
  return useQuery(
    span && field !== false ? `activity ${spanKey(app)} ${by} ${field} ${where}` : undefined,
    (signal) => api.series({ ...activityQuery(app, span!, by, field || undefined), interval: chartStep(app, span!) }, signal),
    app.live.news + app.live.batchNews,
    FIRST,
  );
}

export function scopesQuery(app: App, span: Span): api.SeriesQuery {
  const { stream } = app;
  const where = activityFilters(app);
  return {
    ...activityQuery(app, span, stream.scope!.name),
    limit: 1000,
    // A scope is chosen among the others.
    where: Object.fromEntries(Object.entries(where).filter(([field]) => field !== stream.scope!.name)),
  };
}

export function useScopes(app: App): Answer<api.Top> {
  const { span, stream } = app;
  const query = span && stream.scope ? scopesQuery(app, span) : undefined;
  return useQuery(
    query && `scopes ${JSON.stringify(query)}`,
    (signal) => api.top(query!, signal),
    app.live.news + app.live.batchNews,
    FIRST,
  );
}

// --- Trends

export interface Trend {
  term: string;
  name: string;
  // What the facet ranks by.
  number: number;
  score: number | undefined;
  unusualRank: number | undefined;
  since: string | undefined;
  // The same in the window before; undefined where that is not known.
  before: number | undefined;
}

export interface Trends {
  // Of the last window, or else of the highest ones in a range.
  live: boolean;
  trends: Trend[];
  end: string | undefined;
  start: string | undefined;
  // Nothing has a score yet.
  warming: boolean;
  notice: string | undefined;
}

// The view that has a facet's trends under the present filters.
export function trendsView(app: App, facet: api.Facet): { view: string; where: Record<string, string> } {
  const scope = app.stream.scope?.name;
  const chosen = valueOf(app.route, scope);
  if (scope === undefined || chosen === undefined || facet.by_scope_view === null) {
    return { view: facet.view, where: {} };
  }
  return { view: facet.by_scope_view, where: { [scope]: chosen } };
}

export const rankedBy = (facet: api.Facet): string => (facet.counts === "actors" ? "actors" : "count");

// What trends: in the last window, or at its highest within the range.
export function useTrends(app: App, facet: api.Facet | undefined, lined: Answer<api.Series>): Answer<Trends> {
  const { view, where } = facet ? trendsView(app, facet) : { view: "", where: {} };
  const live = isLive(app.route);
  const inLines = app.span !== undefined && !live && app.span.from === lineSpan(app)!.from;
  const own = useQuery(
    facet && app.span && !inLines ? `trends ${view} ${JSON.stringify(where)} ${live ? "live" : spanKey(app)}` : undefined,
    (signal) => (live ? latestTrends(app, facet!, signal) : highestTrends(app, facet!, signal)),
    app.live.news + (live ? 0 : app.live.batchNews),
  );
  const found = useMemo(() => (inLines && lined.data ? highest(app.span!, lined.data.groups) : undefined), [inLines, lined.data]);
  return inLines ? { ...lined, data: found } : own;
}

async function latestTrends(app: App, facet: api.Facet, signal: AbortSignal): Promise<Trends> {
  const { view, where } = trendsView(app, facet);
  const limit = Math.min(LISTED_MAX, app.live.status?.page_limit_max ?? LISTED_MAX);
  const before = (past: number) => api.documents(view, { from: iso(past), to: iso(past + 1), limit, ...where }, signal);
  // The last window of all is that of the page, unless nothing is listed in it.
  const past = app.span!.from;
  const [page, guessed] = await Promise.all([api.documents(view, { window: "latest", limit, ...where }, signal), before(past)]);
  const first = page.documents[0];
  if (first === undefined) {
    return { live: true, trends: [], end: undefined, start: undefined, warming: false, notice: page.notice };
  }
  const end = first["@timestamp"];
  const start = Date.parse(first["window_start"] as string);
  const earlier = start === past ? guessed : await before(start);
  const by = rankedBy(facet);
  const field = termField(facet);
  const numbers = new Map(earlier.documents.map((document) => [document[field], document[by] as number]));
  const trends = page.documents.map((document): Trend => ({
    term: document[field] as string,
    name: document["name"] as string,
    number: document[by] as number,
    score: document["score"] as number | undefined,
    unusualRank: document["unusual_rank"] as number | undefined,
    since: document["since"] as string | undefined,
    before: numbers.get(document[field] as string),
  }));
  const warming = trends.every(({ score }) => score === undefined);
  return { live: true, trends, end, start: first["window_start"] as string, warming, notice: undefined };
}

async function highestTrends(app: App, facet: api.Facet, signal: AbortSignal): Promise<Trends> {
  const { groups } = await api.top({ ...termsQuery(app, facet, app.span!), limit: LISTED_MAX }, signal);
  return highest(app.span!, groups);
}

function highest(span: Span, groups: { name: string; value: number | null; with?: api.With }[]): Trends {
  const trends = groups.map(({ name: term, value, with: found }): Trend => ({
    term,
    name: (found?.["name"] ?? term) as string,
    number: value ?? 0,
    score: (found?.["score"] ?? undefined) as number | undefined,
    unusualRank: (found?.["unusual_rank"] ?? undefined) as number | undefined,
    since: undefined,
    before: undefined,
  }));
  const warming = trends.length > 0 && trends.every(({ score }) => score === undefined);
  return { live: false, trends, end: iso(span.to), start: iso(span.from), warming, notice: undefined };
}

// Terms at their highest, with their names and scores.
function termsQuery(app: App, facet: api.Facet, span: Span): api.SeriesQuery {
  const { view, where } = trendsView(app, facet);
  const has = (name: string) => app.views.find((known) => known.name === view)?.fields.some((field) => field.name === name);
  return {
    view,
    field: rankedBy(facet),
    by: termField(facet),
    with: ["name", "score", "unusual_rank"].filter(has),
    // The end of a window is its time, so the last one ends with the range.
    from: iso(span.from + 1),
    to: iso(span.to + 1),
    where,
  };
}

// Where a line of a trend begins and ends: an hour at least, so that one sees what is usual.
export function lineSpan(app: App): Span | undefined {
  const { span } = app;
  if (span === undefined) return undefined;
  return { from: Math.min(span.from, span.to - HOUR_MS), to: span.to };
}

export interface TermLines {
  times: number[];
  stepSeconds: number;
  lines: Map<string, (number | null)[]>;
}

// The terms with the highest numbers, over time.
export function useLined(app: App, facet: api.Facet | undefined, steps: number): Answer<api.Series> {
  const span = lineSpan(app);
  const { view, where } = facet ? trendsView(app, facet) : { view: "", where: {} };
  const live = isLive(app.route);
  return useQuery(
    facet && span && `lined ${view} ${JSON.stringify(where)} ${live ? "live" : spanKey(app)}`,
    (signal) => api.series(linesQuery(app, facet!, steps), signal),
    app.live.news + (live ? 0 : app.live.batchNews),
  );
}

function linesQuery(app: App, facet: api.Facet, steps: number): api.SeriesQuery {
  const span = lineSpan(app)!;
  return {
    ...termsQuery(app, facet, span),
    interval: step(span, app.progress?.window.slide_seconds ?? 10, steps),
    // A range may begin and end within a step. What is live is asked for again and again, and lists its terms by itself.
    limit: isLive(app.route) ? LINED_LIVE : Math.min(LISTED_MAX, Math.floor(VALUES_MAX / (steps + 1))),
  };
}

// Lines of terms over time: of those that are not among the highest, when they have been asked for.
export function useTermLines(
  app: App,
  facet: api.Facet | undefined,
  terms: string[],
  lined: Answer<api.Series>,
  steps: number,
): Answer<TermLines> {
  const { data } = lined;
  const known = useMemo(() => new Map(data?.groups.map(({ name, values }) => [name, values])), [data]);
  const left = data?.more ? terms.filter((term) => !known.has(term)) : [];
  const { view, where } = facet ? trendsView(app, facet) : { view: "", where: {} };
  const asked = left.length > 0
    ? `lines ${view} ${JSON.stringify(where)} ${isLive(app.route) ? "live" : spanKey(app)} ${left.join("|")}`
    : undefined;
  const others = useQuery(asked, async (signal) => {
    const { with: _, ...query } = linesQuery(app, facet!, steps);
    const found = await Promise.all(requests(left).map((named) => (
      api.series({ ...query, where: { ...where, [termField(facet!)]: named }, limit: named.length }, signal)
    )));
    return new Map(found.flatMap(({ groups }) => groups).map(({ name, values }) => [name, values]));
  }, app.live.news);
  const lines = useMemo(() => {
    if (data === undefined) return undefined;
    const nowhere = data.total.values.map(() => null);
    const waits = left.length > 0 && (others.data === undefined || others.old);
    const values = (term: string) => known.get(term) ?? (left.includes(term) ? others.data?.get(term) : undefined);
    const drawn = terms.filter((term) => !waits || !left.includes(term));
    return sinceFirst(data, new Map(drawn.map((term) => [term, values(term) ?? nowhere])));
  }, [data, others.data, others.old, terms.join("|")]);
  return { data: lines, error: lined.error ?? others.error, old: lined.old };
}

// Terms as one request may name them, which is all of them unless they are very long.
function requests(terms: string[]): string[][] {
  const found: string[][] = [];
  let room = -1;
  for (const term of terms) {
    const needed = encodeURIComponent(term).length;
    if (needed > room || found.at(-1)!.length === NAMED_TERMS) {
      found.push([]);
      room = NAMED_CHARACTERS;
    }
    found.at(-1)!.push(term);
    room -= needed;
  }
  return found;
}

// Before the first number of any term there was no stream: that is no low number.
function sinceFirst({ start, interval_seconds, buckets, total }: api.Series, lines: Map<string, (number | null)[]>): TermLines {
  const number = total.values.findIndex((value) => value !== null);
  const first = Math.max(0, Math.min(number < 0 ? buckets : number, buckets - 2));
  const times = Array.from({ length: buckets - first }, (_, index) => Date.parse(start) + (first + index) * interval_seconds * 1000);
  return {
    times,
    stepSeconds: interval_seconds,
    lines: new Map([...lines].map(([term, values]) => [term, values.slice(first)])),
  };
}

// What is usual for a term: the middle one of its past numbers without the newest quarter. Where it
// was not even listed, it was at most what a term needs to be listed.
export function usual(values: (number | null)[], listedAbove: number): number | undefined {
  if (values.length < STEPS_COMPARED_MIN) return undefined;
  const past = values.slice(0, Math.ceil(values.length * 0.75)).map((value) => value ?? listedAbove);
  past.sort((a, b) => a - b);
  return past[Math.floor(past.length / 2)] ?? 0;
}

export const countedWords = (app: App, facet: api.Facet): api.Words => counted(app.stream, facet);

export const chosenTerms = (app: App, facet: api.Facet): string[] =>
  app.route.filters.filter(({ field }) => facetOf(app.stream, field) === facet).map(({ value }) => value);
