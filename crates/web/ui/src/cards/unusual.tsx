// What is unusual: how much, against what, and since when.

import "./unusual.css";

import type { Facet } from "../api.ts";
import { type App, useApp } from "../app.ts";
import { termField } from "../descriptor.ts";
import { count, duration, many, moment, score, words } from "../format.ts";
import { Link, Value } from "../parts/link.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import type { Answer } from "../query.ts";
import { type Trend, type Trends, countedWords, usual } from "../questions.ts";
import { toPage } from "../route.ts";

const SHOWN = 8;
const CLOSEST = 4;

export function Unusual({ facet, trends, lines }: {
  facet: Facet;
  trends: Answer<Trends>;
  lines: Map<string, (number | null)[]> | undefined;
}) {
  const app = useApp();
  const data = trends.data;
  if (data === undefined) return <p class="waiting">Loading…</p>;
  const found = unusual(data.trends);
  if (found.length === 0) {
    return (
      <>
        <None app={app} facet={facet} data={data} />
        <Rows live={data.live} app={app} facet={facet} trends={closest(data.trends)} lines={lines} />
      </>
    );
  }
  return <Rows live={data.live} app={app} facet={facet} trends={found} lines={lines} />;
}

type Lines = Map<string, (number | null)[]> | undefined;

function Rows({ live, app, facet, trends, lines }: {
  live: boolean;
  app: App;
  facet: Facet;
  trends: Trend[];
  lines: Lines;
}) {
  if (trends.length === 0) return null;
  return (
    <ol class="unusual" aria-label={`Unusual ${words(facet.term.many)}`}>
      {trends.slice(0, SHOWN).map((trend) => (
        <Row key={trend.term} live={live} app={app} facet={facet} trend={trend} values={lines?.get(trend.term)} />
      ))}
      {trends.length > SHOWN && (
        <li class="unusual-more">
          <Link to={{ ...toPage("trends"), own: { facet: facet.term.one, order: "score" } }} class="card-more">
            {trends.length - SHOWN} more
          </Link>
        </li>
      )}
    </ol>
  );
}

export function unusual(trends: Trend[]): Trend[] {
  const found = trends.filter(({ unusualRank }) => unusualRank !== undefined);
  return found.sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
}

// Where nothing is unusual: what comes closest to it; and before there are scores, what grew most.
export function closest(trends: Trend[]): Trend[] {
  const rises = trends.map((trend) => ({ trend, rise: trend.score ?? growth(trend) })).filter(({ rise }) => rise > 0);
  return rises.sort((a, b) => b.rise - a.rise).slice(0, CLOSEST).map(({ trend }) => trend);
}

// In units of what chance does, as far as one window before can tell.
function growth({ number, before }: Trend): number {
  return before === undefined ? 0 : (number - before) / Math.sqrt(before + 1);
}

function Row({ live, app, facet, trend, values }: {
  live: boolean;
  app: App;
  facet: Facet;
  trend: Trend;
  values: (number | null)[] | undefined;
}) {
  const listedAbove = app.progress?.window.count_above ?? 0;
  const warm = trend.unusualRank !== undefined;
  const expected = values && usual(values, listedAbove);
  return (
    <li>
      <div class="unusual-name">
        <Value field={termField(facet)} value={trend.term}><bdi title={trend.name}>{trend.name}</bdi></Value>
        <small>{since(trend, app, live)}</small>
      </div>
      {values && <Sparkline values={values} width={110} height={30} warm={warm} usual={expected} />}
      <div class="unusual-number">
        <b>{count(trend.number)}</b>
        <small>
          {expected === undefined ? "" : expected <= listedAbove ? `usually ${listedAbove} or fewer` : `usually ${count(expected)}`}
        </small>
      </div>
      {trend.score !== undefined && (
        <span class={warm ? "unusual-score" : "unusual-score calm"} title="Score: how far above what is usual, in units of chance">{score(trend.score)}</span>
      )}
    </li>
  );
}

function since({ since: began, before, number }: Trend, app: App, live: boolean): string {
  const end = app.span?.to;
  if (began !== undefined && end !== undefined) {
    const seconds = (end - Date.parse(began)) / 1000;
    return seconds < 1 ? "just now" : `for ${duration(seconds)}, since ${moment(began)}`;
  }
  if (!live) return "at its highest";
  if (before === undefined) return "not listed in the window before";
  return number >= before ? `up from ${count(before)}` : `down from ${count(before)}`;
}

function None({ app, facet, data }: { app: App; facet: Facet; data: Trends }) {
  const terms = words(facet.term.many);
  if (data.notice !== undefined) return <p class="card-empty">{data.notice}</p>;
  if (data.trends.length === 0) {
    const above = many(app.progress?.window.count_above ?? 0, countedWords(app, facet));
    return <p class="card-empty">No {words(facet.term.one)} has more than {above} here, which is what it takes to be listed.</p>;
  }
  if (data.warming) {
    return (
      <div class="card-empty">
        <b>Warming up</b>
        <p>
          There are no scores until a third of the past hour is known to compare with. Counts are exact already.
          {closest(data.trends).length > 0 && " What grew most:"}
        </p>
      </div>
    );
  }
  return (
    <div class="card-empty">
      <b>Nothing unusual</b>
      <p>
        {data.trends.length === 1 ? `The one listed ${words(facet.term.one)} is` : `All ${count(data.trends.length)} listed ${terms} are`}{" "}
        within what chance explains.{closest(data.trends).length > 0 && " The highest scores:"}
      </p>
    </div>
  );
}
