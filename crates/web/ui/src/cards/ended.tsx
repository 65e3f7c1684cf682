// Trends that have ended: when each began, when it was at its highest, and how long it lived.

import "./ended.css";

import type { Facet, View } from "../api.ts";
import * as api from "../api.ts";
import { type App, spanKey, useApp } from "../app.ts";
import { termField } from "../descriptor.ts";
import { count, duration, heading, iso, moment, score, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Copy } from "../parts/copy.tsx";
import { Value } from "../parts/link.tsx";
import { type Column, Table, matches } from "../parts/table.tsx";
import { useQuery } from "../query.ts";
import { chosenTerms } from "../questions.ts";
import { isLive } from "../range.ts";
import { valueOf } from "../route.ts";

const MOST = 2000;
const DAY_MS = 86_400_000;

interface EndedTrend {
  id: string;
  term: string;
  name: string;
  scope: string | undefined;
  began: number;
  peak: number;
  peakScore: number | undefined;
  ended: number;
  seconds: number;
  number: number;
}

// What tells a view of ended trends from others: each of its documents is the life of one.
const LIFE = ["facet", "term", "began", "peak", "ended"];

// The view of ended trends, where the stream has one: by scope while a scope is chosen.
export function endedView({ views, stream, route }: App, facet: Facet): View | undefined {
  const has = (view: View, name: string) => view.fields.some((field) => field.name === name);
  const ended = views.filter((view) => view.stream === stream.name && LIFE.every((name) => has(view, name)));
  const scope = stream.scope?.name;
  const wanted = scope !== undefined && facet.by_scope_view !== null && valueOf(route, scope) !== undefined;
  const byScope = wanted ? ended.find((view) => has(view, scope)) : undefined;
  return byScope ?? ended.find((view) => scope === undefined || !has(view, scope));
}

export function Ended({ facet, view }: { facet: Facet; view: View }) {
  const app = useApp();
  const { stream, route } = app;
  const span = app.span!;
  // A window is too short for a life.
  const from = isLive(route) ? span.to - DAY_MS : span.from;
  const scope = view.parameters.includes(stream.scope?.name ?? "") ? stream.scope?.name : undefined;
  const chosenScope = valueOf(route, scope);
  const parameters = {
    from: iso(from), to: iso(span.to + 1), ...(scope && chosenScope ? { [scope]: chosenScope } : {}),
  };
  const answer = useQuery(`ended ${view.name} ${isLive(route) ? "" : spanKey(app)} ${chosenScope}`, async (signal) => {
    const found = await api.allDocuments(view.name, parameters, MOST, signal);
    return { ...found, trends: found.documents.filter((document) => isOf(document, facet)).map((document) => read(document, facet, scope)) };
  }, app.live.news + app.live.batchNews);
  const chosen = chosenTerms(app, facet);
  const trends = (answer.data?.trends ?? []).filter(
    ({ term, name }) => (chosen.length === 0 || chosen.includes(term)) && matches(route.own["q"], [term, name]),
  );
  const terms = words(facet.term.many);
  return (
    <Card
      title={`Ended trends of ${terms}`}
      note={isLive(route) ? "in the last day" : undefined}
      answers={[answer]}
      end={
        <Copy
          call={api.url(view.name, parameters)}
          name={view.name}
          csv={() => ({
            head: [facet.term.one, "name", "began", "peak", "peak_score", "ended", "seconds", "number"],
            rows: trends.map((trend) => [
              trend.term, trend.name, iso(trend.began), iso(trend.peak), trend.peakScore, iso(trend.ended), trend.seconds, trend.number,
            ]),
          })}
        />
      }
      foot={answer.data?.more ? `Only the newest ${count(MOST)} are shown; choose a shorter range for those before.` : undefined}
    >
      {answer.data === undefined ? <p class="waiting">Loading…</p> : (
        <Table
          label={`Ended trends of ${terms}`}
          columns={columns(facet, from, span.to)}
          rows={trends}
          keyOf={({ id }) => id}
          empty={`No trend of ${terms} has ended in this time. Choose a longer range, or see what is unusual now.`}
        />
      )}
    </Card>
  );
}

// One view has the trends of all facets; a document says which it is of.
function isOf(document: api.Document, facet: Facet): boolean {
  const of = document["facet"];
  return of === undefined || of === facet.term.many || of === facet.term.one;
}

function read(document: api.Document, facet: Facet, scope: string | undefined): EndedTrend {
  const term = String(document["term"] ?? document[termField(facet)]);
  const time = (name: string) => Date.parse(String(document[name]));
  return {
    id: document._id,
    term,
    name: String(document["name"] ?? term),
    scope: scope && (document[scope] as string | undefined),
    began: time("began"),
    peak: time("peak"),
    peakScore: document["peak_score"] as number | undefined,
    ended: time("ended"),
    seconds: Number(document["duration_seconds"] ?? (time("ended") - time("began")) / 1000),
    number: Number(document["actors"] ?? document["count"]),
  };
}

function columns(facet: Facet, from: number, to: number): Column<EndedTrend>[] {
  return [
    {
      name: "term",
      title: heading(facet.term.one),
      value: ({ name }) => name,
      cell: ({ term, name }) => <Value field={termField(facet)} value={term}><bdi>{name}</bdi></Value>,
    },
    { name: "began", title: "Began", value: ({ began }) => began, cell: ({ began }) => moment(began) },
    { name: "seconds", title: "Lived", number: true, value: ({ seconds }) => seconds, cell: ({ seconds }) => duration(seconds) },
    {
      name: "score", title: "Peak score", number: true, value: ({ peakScore }) => peakScore,
      cell: ({ peakScore }) => (peakScore === undefined ? "–" : <b>{score(peakScore)}</b>),
    },
    {
      name: "number", title: facet.counts === "actors" ? "Actors" : "Count", number: true, value: ({ number }) => number,
      cell: ({ number }) => count(number),
    },
    {
      name: "life", title: "Life", value: ({ ended }) => ended,
      cell: (trend) => <Life trend={trend} from={from} to={to} />,
    },
  ];
}

function Life({ trend: { began, peak, ended }, from, to }: { trend: EndedTrend; from: number; to: number }) {
  const at = (time: number) => Math.max(0, Math.min(100, ((time - from) / (to - from)) * 100));
  const title = `Began ${moment(began)}, highest ${moment(peak)}, ended ${moment(ended)}`;
  return (
    <svg class="life" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={title}>
      <title>{title}</title>
      <rect class="life-ground" x="0" y="4" width="100" height="2" />
      <rect class="life-span" x={at(began)} y="2" width={Math.max(0.6, at(ended) - at(began))} height="6" rx="1" />
      <rect class="life-peak" x={at(peak) - 0.2} y="0" width="0.5" height="10" />
    </svg>
  );
}
