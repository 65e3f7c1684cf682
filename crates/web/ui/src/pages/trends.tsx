// The terms of a facet: what is large and what is unusual now or in a range, compared over time, by
// scope, and those trends that have ended.

import "./trends.css";

import type { Facet } from "../api.ts";
import * as api from "../api.ts";
import { type App, spanKey, useApp } from "../app.ts";
import { everywhere, facetOf, scopeName, scopeTitle, termField } from "../descriptor.ts";
import { change, count, duration, heading, iso, many, moment, period, score, words } from "../format.ts";
import { Ended, endedView } from "../cards/ended.tsx";
import { Card, Tabs } from "../parts/card.tsx";
import { Chart, type Line, lineColour } from "../parts/chart.tsx";
import { Copy } from "../parts/copy.tsx";
import { Empty, NothingYet } from "../parts/empty.tsx";
import { Value } from "../parts/link.tsx";
import { RankedList } from "../parts/ranked.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { type Column, Search, Table, matches } from "../parts/table.tsx";
import { type Answer, useQuery } from "../query.ts";
import {
  type Trend, type Trends as Found, chosenTerms, countedWords, rankedBy, trendsView, usual, useLined, useScopes,
  useTermLines, useTrends,
} from "../questions.ts";
import { isLive } from "../range.ts";
import { go, setOwn, toggled, valueOf } from "../route.ts";

const COMPARED_MAX = 8;
const COMPARED_UNASKED = 5;
const LINED = 24;
const LINE_STEPS = 60;
const SEPARATOR = "|";

export function Trends() {
  const app = useApp();
  const { stream, route, span } = app;
  const facet = facetOf(stream, route.own["facet"] ?? "") ?? stream.facets[0];
  if (facet === undefined) {
    return (
      <Empty title="Nothing can trend in this stream.">
        <p>Its description names no facets: what its {words(stream.fact.many)} have in common, such as tags.</p>
      </Empty>
    );
  }
  if (span === undefined) return <NothingYet />;
  return <TrendsOf app={app} facet={facet} />;
}

function TrendsOf({ app, facet }: { app: App; facet: Facet }) {
  const { stream, route } = app;
  const lined = useLined(app, facet, LINE_STEPS);
  const trends = useTrends(app, facet, lined);
  const all = trends.data?.trends ?? [];
  const order = route.own["order"] ?? "count";
  const chosen = chosenTerms(app, facet);
  const query = route.own["q"];
  const found = inOrder(all, order).filter(({ term, name }) => chosen.includes(term) || matches(query, [term, name]));
  const compared = comparedTerms(route.own["compare"], chosen, found);
  const drawn = [...new Set([...compared, ...found.slice(0, LINED).map(({ term }) => term)])].sort();
  const lines = useTermLines(app, facet, drawn, lined, LINE_STEPS);
  const ended = endedView(app, facet);
  return (
    <>
      <Head app={app} facet={facet} order={order} hasEnded={ended !== undefined} />
      {order === "ended" && ended !== undefined ? <Ended facet={facet} view={ended} /> : (
        <div class="trends">
          <Compare app={app} facet={facet} compared={compared} trends={trends.data?.trends} lines={lines} />
          {chosen.length === 1 && facet.by_scope_view !== null && stream.scope !== null && (
            <ByScope app={app} facet={facet} term={chosen[0]!} />
          )}
          <List app={app} facet={facet} trends={trends} found={found} compared={compared} lines={lines.data?.lines} order={order} />
        </div>
      )}
    </>
  );
}

function inOrder(trends: Trend[], order: string): Trend[] {
  if (order !== "score") return trends;
  return [...trends].sort((a, b) => (b.score ?? -Infinity) - (a.score ?? -Infinity));
}

// Those that somebody chose; else the one that is filtered by; else the first ones.
function comparedTerms(own: string | undefined, chosen: string[], found: Trend[]): string[] {
  const asked = own === undefined || own === "" ? [] : own.split(SEPARATOR);
  const terms = [...new Set([...chosen, ...asked])].slice(0, COMPARED_MAX);
  return terms.length > 0 ? terms : found.slice(0, COMPARED_UNASKED).map(({ term }) => term);
}

function Head({ app, facet, order, hasEnded }: { app: App; facet: Facet; order: string; hasEnded: boolean }) {
  const { stream, route } = app;
  const orders = [
    { name: "count", title: "Largest" },
    { name: "score", title: "Most unusual" },
    ...(hasEnded ? [{ name: "ended", title: "Ended" }] : []),
  ];
  return (
    <header class="page-head">
      <h1>Trends</h1>
      {stream.facets.length > 1 && (
        <Tabs
          label="What trends"
          tabs={stream.facets.map((other) => ({
            title: heading(other.term.many),
            to: { own: { ...route.own, facet: other.term.one, compare: "", q: "", sort: "" } },
            chosen: other === facet,
          }))}
        />
      )}
      <Tabs
        label="Order"
        tabs={orders.map(({ name, title }) => ({
          title, to: { own: { ...route.own, order: name === "count" ? "" : name, sort: "" } }, chosen: order === name,
        }))}
      />
      <div class="page-end">
        {stream.scope !== null && facet.by_scope_view !== null && <ChooseScope app={app} />}
        <Search label={`Filter ${words(facet.term.many)}`} />
      </div>
    </header>
  );
}

function ChooseScope({ app }: { app: App }) {
  const scope = app.stream.scope!;
  const scopes = useScopes(app);
  const chosen = valueOf(app.route, scope.name);
  const codes = (scopes.data?.groups ?? []).slice(0, 60).map(({ name }) => name);
  if (chosen !== undefined && !codes.includes(chosen)) codes.push(chosen);
  const named = codes.map((code) => ({ code, name: scopeName(scope, code) }));
  named.sort((a, b) => a.name.localeCompare(b.name, "en"));
  const choose = (code: string) => {
    const others = app.route.filters.filter(({ field }) => field !== scope.name);
    go({ filters: code === "" ? others : toggled(others, scope.name, code) });
  };
  return (
    <select class="field" aria-label={heading(scope.name)} value={chosen ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
      <option value="">{everywhere(scope)}</option>
      {named.map(({ code, name }) => <option key={code} value={code}>{name}</option>)}
    </select>
  );
}

function Compare({ app, facet, compared, trends, lines }: {
  app: App;
  facet: Facet;
  compared: string[];
  trends: Trend[] | undefined;
  lines: ReturnType<typeof useTermLines>;
}) {
  const data = lines.data;
  const nameOf = (term: string) => trends?.find((trend) => trend.term === term)?.name ?? term;
  const drawn: Line[] = compared.flatMap((term, index) => {
    const values = data?.lines.get(term);
    return values === undefined ? [] : [{ name: nameOf(term), values, colour: lineColour(index) }];
  });
  const loading = trends === undefined || (data === undefined && compared.length > 0);
  const ranked = words(countedWords(app, facet).many);
  const size = duration(app.progress?.window.size_seconds ?? 300);
  return (
    <Card
      title={`${heading(facet.term.many)} over time`}
      note={`${ranked} in ${size}, where listed`}
      class="trends-compare"
      answers={[lines]}
      end={app.route.own["compare"] ? <button class="tab" onClick={() => setOwn("compare", "")}>Compare the first ones</button> : undefined}
    >
      {drawn.length === 0
        ? <p class={loading ? "waiting" : "card-empty"}>{loading ? "Loading…" : "Nothing is listed in this time."}</p>
        : (
          <Chart
            label={`${heading(ranked)} of ${drawn.map(({ name }) => name).join(", ")} over time`}
            kind="lines"
            times={data!.times}
            stepSeconds={data!.stepSeconds}
            lines={drawn}
          />
        )}
    </Card>
  );
}

function ByScope({ app, facet, term }: { app: App; facet: Facet; term: string }) {
  const scope = app.stream.scope!;
  const span = app.span!;
  const [view, field, own] = [facet.by_scope_view!, rankedBy(facet), termField(facet)];
  const query: api.SeriesQuery = {
    view, field, by: scope.name, from: iso(isLive(app.route) ? span.to : span.from + 1), to: iso(span.to + 1), limit: 12,
    where: { [own]: term },
  };
  const answer = useQuery(`by scope ${spanKey(app)} ${term}`, (signal) => api.top(query, signal), app.live.news);
  const groups = answer.data?.groups ?? [];
  return (
    <Card title={scopeTitle(scope)} note={`where “${term}” is listed`} answers={[answer]} class="trends-by-scope">
      {answer.data && groups.length === 0 && <p class="card-empty">It is listed in no {words(scope.name)} by itself.</p>}
      <RankedList
        label={scopeTitle(scope)}
        field={scope.name}
        rows={groups.map(({ name, value }) => ({ value: name, name: scopeName(scope, name), number: value }))}
      />
    </Card>
  );
}

function List({ app, facet, trends, found, compared, lines, order }: {
  app: App;
  facet: Facet;
  trends: Answer<Found>;
  found: Trend[];
  compared: string[];
  lines: Map<string, (number | null)[]> | undefined;
  order: string;
}) {
  const data = trends.data;
  const { view, where } = trendsView(app, facet);
  const live = data?.live ?? isLive(app.route);
  const above = many(app.progress?.window.count_above ?? 0, countedWords(app, facet));
  const note = data?.start && data.end ? `${live ? "in the window" : "the highest windows of"} ${period(data.start, data.end)}` : undefined;
  return (
    <Card
      title={order === "score" ? `Most unusual ${words(facet.term.many)}` : `Largest ${words(facet.term.many)}`}
      note={note}
      answers={[trends]}
      class="trends-list"
      end={
        <Copy
          call={live ? api.url(view, { window: "latest", ...where }) : api.topUrl({ view, field: rankedBy(facet), by: termField(facet), where, limit: 100 })}
          name={`${app.stream.name}-${facet.term.many}`}
          csv={() => ({
            head: [facet.term.one, "name", rankedBy(facet), "score", "unusual_rank", "since"],
            rows: found.map((trend) => [trend.term, trend.name, trend.number, trend.score, trend.unusualRank, trend.since]),
          })}
        />
      }
      foot={`Listed is what has more than ${above} in a window. The score says how far above what is usual that is, in units of chance; ▲ marks what is unusual.`}
    >
      {data === undefined ? <p class="waiting">Loading…</p> : (
        <Table
          label={`Trending ${words(facet.term.many)}`}
          columns={columns(app, facet, compared, lines, live, order)}
          rows={found}
          keyOf={({ term }) => term}
          chosen={({ term }) => chosenTerms(app, facet).includes(term)}
          empty={<Nothing data={data} facet={facet} above={above} />}
        />
      )}
      {data?.warming && found.length > 0 && (
        <p class="card-foot">Warming up: there are no scores until a third of the past hour is known to compare with.</p>
      )}
    </Card>
  );
}

function Nothing({ data, facet, above }: { data: Found; facet: Facet; above: string }) {
  if (data.notice !== undefined) return <>{data.notice}</>;
  if (data.trends.length > 0) return <>No {words(facet.term.one)} that is listed here matches. Clear the search to see all {count(data.trends.length)}.</>;
  return <>No {words(facet.term.one)} has more than {above} in a window here. Choose a longer range, or fewer filters.</>;
}

function columns(
  app: App,
  facet: Facet,
  compared: string[],
  lines: Map<string, (number | null)[]> | undefined,
  live: boolean,
  order: string,
): Column<Trend>[] {
  const listedAbove = app.progress?.window.count_above ?? 0;
  const scored: Column<Trend> = {
    name: "score",
    title: "Score",
    number: true,
    value: (trend) => trend.score,
    cell: (trend) => (trend.score === undefined ? <span class="muted">–</span> : (
      <span class={trend.unusualRank === undefined ? "" : "trends-unusual"}>
        {trend.unusualRank !== undefined && <span title="Unusual">▲ </span>}{score(trend.score)}
      </span>
    )),
  };
  return [
    {
      name: "term",
      title: heading(facet.term.one),
      wide: true,
      value: ({ name }) => name,
      cell: ({ term, name }) => <Value field={termField(facet)} value={term}><bdi>{name}</bdi></Value>,
    },
    {
      name: "number",
      title: heading(countedWords(app, facet).many),
      number: true,
      value: ({ number }) => number,
      cell: ({ number }) => <b>{count(number)}</b>,
    },
    // A phone shows the first columns only.
    ...(order === "score" ? [scored] : []),
    ...(live ? [{
      name: "change",
      title: "Change",
      number: true,
      value: ({ number, before }: Trend) => (before === undefined ? undefined : number / before),
      cell: ({ number, before }: Trend) => (
        <span class="muted" title={before === undefined ? "Not listed in the window before" : `${count(before)} in the window before`}>
          {before === undefined ? "newly" : change(number, before)}
        </span>
      ),
    }] : []),
    ...(order === "score" ? [] : [scored]),
    ...(live ? [{
      name: "since",
      title: "Unusual since",
      value: ({ since }: Trend) => since,
      cell: ({ since }: Trend) => (since === undefined ? "" : moment(since)),
    }] : []),
    {
      name: "line",
      title: "Past",
      cell: ({ term, unusualRank }) => {
        const values = lines?.get(term);
        return values && (
          <Sparkline values={values} width={200} height={26} warm={unusualRank !== undefined} usual={usual(values, listedAbove)} />
        );
      },
    },
    {
      name: "compare",
      title: "Compare",
      untitled: true,
      cell: ({ term, name }) => <CompareButton app={app} term={term} name={name} compared={compared} />,
    },
  ];
}

function CompareButton({ app, term, name, compared }: { app: App; term: string; name: string; compared: string[] }) {
  const asked = (app.route.own["compare"] ?? "").split(SEPARATOR).filter((text) => text !== "");
  const on = asked.includes(term);
  const full = !on && asked.length >= COMPARED_MAX;
  const next = on ? asked.filter((text) => text !== term) : [...asked, term];
  const at = compared.indexOf(term);
  return (
    <button
      class="tab trends-pick"
      aria-pressed={on}
      aria-label={on ? `No longer compare ${name}` : `Compare ${name}`}
      disabled={full}
      onClick={() => setOwn("compare", next.join(SEPARATOR))}
    >
      <i style={{ background: at >= 0 ? `var(--${lineColour(at)})` : "transparent" }} />
      {on ? "Compared" : "Compare"}
    </button>
  );
}
