// How much, what is unusual, what is large, where, and when: in this order.

import "./overview.css";

import type { Facet } from "../api.ts";
import * as api from "../api.ts";
import { useApp } from "../app.ts";
import { facetOf, termField } from "../descriptor.ts";
import { change, heading, many, period, words } from "../format.ts";
import { Counting } from "../cards/counting.tsx";
import { Figures } from "../cards/figures.tsx";
import { Hours } from "../cards/hours.tsx";
import { OverTime } from "../cards/over-time.tsx";
import { Unusual, closest, unusual } from "../cards/unusual.tsx";
import { Scopes, Where } from "../cards/where.tsx";
import { Card, Tabs } from "../parts/card.tsx";
import { Copy } from "../parts/copy.tsx";
import { NothingYet } from "../parts/empty.tsx";
import { Link } from "../parts/link.tsx";
import { memo } from "../parts/memo.ts";
import { RankedList } from "../parts/ranked.tsx";
import type { Answer } from "../query.ts";
import {
  type Trends, chosenTerms, countedWords, rankedBy, trendsView, unused, useActivity, useLined, useScopes, useTermLines,
  useTrends,
} from "../questions.ts";
import { isLive } from "../range.ts";
import { toPage } from "../route.ts";

const TERMS_SHOWN = 12;
const LINE_STEPS = 40;

export function Overview() {
  const app = useApp();
  const { stream, span } = app;
  const facts = useActivity(app, stream.kind.name);
  // As many as a stream may have.
  const sums = [0, 1, 2, 3].map((index) => useActivity(app, undefined, stream.sums[index] ?? false));
  const scopes = useScopes(app);
  if (span === undefined) return <NothingYet />;
  return (
    <>
      <h1 class="unseen">{stream.title}: overview</h1>
      <Figures facts={facts} sums={sums.slice(0, stream.sums.length)} scopes={scopes} />
      <div class="overview">
        <TrendCards />
        {stream.scope?.values === "country" && <Where scopes={scopes} />}
        {stream.scope && <Scopes scopes={scopes} />}
        <OverTime facts={facts} />
        <Hours />
        <Counting />
      </div>
    </>
  );
}

const TrendCards = memo(function TrendCards() {
  const app = useApp();
  const { stream, route } = app;
  const facet = facetOf(stream, route.own["facet"] ?? "") ?? stream.facets[0];
  const lined = useLined(app, facet, LINE_STEPS);
  const trends = useTrends(app, facet, lined);
  const found = trends.data?.trends ?? [];
  const shown = [
    ...found.slice(0, TERMS_SHOWN),
    ...unusual(found).slice(0, TERMS_SHOWN),
    ...closest(found),
  ].map(({ term }) => term);
  const lines = useTermLines(app, facet, [...new Set(shown)].sort(), lined, LINE_STEPS);
  if (facet === undefined) return null;
  const tabs = stream.facets.length > 1 && (
    <Tabs
      label="What trends"
      tabs={stream.facets.map((other) => ({
        title: heading(other.term.many),
        to: { own: { facet: other.term.one } },
        chosen: other === facet,
      }))}
    />
  );
  const data = trends.data;
  const window = data?.start !== undefined && data.end !== undefined ? period(data.start, data.end) : undefined;
  return (
    <>
      <Card title={data?.live ?? isLive(route) ? "Unusual now" : "Unusual in this time"} note={window} end={tabs || undefined} answers={[trends]} class="overview-unusual">
        <Unusual facet={facet} trends={trends} lines={lines.data?.lines} />
      </Card>
      <TopTerms facet={facet} trends={trends} lines={lines.data?.lines} />
    </>
  );
});

function TopTerms({ facet, trends, lines }: {
  facet: Facet;
  trends: Answer<Trends>;
  lines: Map<string, (number | null)[]> | undefined;
}) {
  const app = useApp();
  const { stream, route } = app;
  const found = trends.data?.trends ?? [];
  const chosen = chosenTerms(app, facet);
  const rows = found.filter(({ term }, index) => index < TERMS_SHOWN || chosen.includes(term)).slice(0, TERMS_SHOWN + chosen.length);
  const left = unused(app, [facet.by_scope_view === null ? undefined : stream.scope?.name, termField(facet)]);
  const ranked = facet.counts === "actors" ? "different actors" : words(stream.fact.many);
  const live = trends.data?.live ?? isLive(route);
  const { view, where } = trendsView(app, facet);
  const above = many(app.progress?.window.count_above ?? 0, countedWords(app, facet));
  // A short list says why it is.
  const foot = [
    rows.length > 0 && rows.length < TERMS_SHOWN && `Listed is what has more than ${above} in a window.`,
    left.length > 0 && `Not filtered by ${left.map(words).join(", ")}.`,
  ].filter((text) => text !== false).join(" ");
  return (
    <Card
      title={`Top ${words(facet.term.many)}`}
      class="overview-terms"
      note={live ? `${ranked}, change` : `${ranked} in the highest window`}
      answers={[trends]}
      end={
        <>
          <Copy
            call={api.url(view, { window: "latest", ...where })}
            name={`${stream.name}-${facet.term.many}`}
            csv={() => ({
              head: [facet.term.one, "name", rankedBy(facet), "score"],
              rows: found.map(({ term, name, number, score }) => [term, name, number, score]),
            })}
          />
          <Link to={{ ...toPage("trends"), own: { facet: facet.term.one } }} class="card-more">All</Link>
        </>
      }
      foot={foot === "" ? undefined : foot}
    >
      {trends.data === undefined && <p class="waiting">Loading…</p>}
      {trends.data !== undefined && rows.length === 0 && (
        <p class="card-empty">No {words(facet.term.one)} is listed in this window.</p>
      )}
      <RankedList
        label={`Top ${words(facet.term.many)}`}
        field={termField(facet)}
        spark
        rows={rows.map(({ term, name, number, before }) => ({
          value: term, name, number, values: lines?.get(term), end: live ? change(number, before) || (before === undefined ? "newly" : "") : undefined,
        }))}
      />
    </Card>
  );
}
