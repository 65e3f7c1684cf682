// Sessions: how many there are, how long they are, where they begin and end, and each of them.

import "./sessions.css";

import type { Document, Field, Sessions as Declared, View } from "../api.ts";
import * as api from "../api.ts";
import { type App, spanKey, useApp, viewOf } from "../app.ts";
import { Change, Figure, whole } from "../cards/figures.tsx";
import { timesOf } from "../cards/over-time.tsx";
import { fieldTitle, scopeTitle, valueName, viewTitle } from "../descriptor.ts";
import { FieldValue, askedFilters, fieldOf, isMeasure, plain, sortValue, title } from "../fields.tsx";
import { count, duration, heading, iso, list, rate, share, words } from "../format.ts";
import { Card, Tabs } from "../parts/card.tsx";
import { Chart, kindColour } from "../parts/chart.tsx";
import { Copy } from "../parts/copy.tsx";
import { Empty, NothingYet } from "../parts/empty.tsx";
import { RankedList } from "../parts/ranked.tsx";
import { type Column, Table } from "../parts/table.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { type Answer, FIRST, LAST, useQuery } from "../query.ts";
import { type Span, before, isLive } from "../range.ts";
import { chartStep } from "../questions.ts";

const LISTED = 12;
const STACKED = 6;
const ROWS = 200;

export function Sessions() {
  const app = useApp();
  const { stream, route, span } = app;
  const declared = stream.sessions.find(({ view }) => view === route.own["view"]) ?? stream.sessions[0];
  const view = declared && viewOf(app, declared.view);
  if (view === undefined) {
    return (
      <Empty title="This stream has no sessions.">
        <p>
          Its description declares none (<code>[[sessions]]</code>), or the configuration leaves them out
          (<code>show_sessions</code>).
        </p>
      </Empty>
    );
  }
  if (span === undefined) return <NothingYet />;
  return <SessionsOf key={view.name} app={app} declared={declared!} view={view} span={span} />;
}

// --- Questions

interface Asked {
  app: App;
  view: View;
  span: Span;
}

const news = ({ live }: App): number => live.news + live.batchNews;

function queryOf({ app, view }: Asked, { from, to }: Span): api.SeriesQuery {
  const where = askedFilters(view, app.stream, app.route.filters);
  return { view: view.name, from: iso(from), to: iso(to), where };
}

function useSum(asked: Asked, field: string | undefined, by?: string): Answer<api.Series> {
  const { app, span } = asked;
  const query = { ...queryOf(asked, span), field, by, interval: chartStep(app, span), ...(by !== undefined && { limit: STACKED }) };
  return useQuery(`sum ${JSON.stringify(query)}`, (signal) => api.series(query, signal), news(app), FIRST);
}

// In one number.
function useCount(name: string, asked: Asked, span: Span | undefined): number | undefined {
  const query = span && { ...queryOf(asked, span), interval: Math.max(1, Math.ceil((span.to - span.from) / 1000)) };
  const answer = useQuery(query && `${name} ${JSON.stringify(query)}`, (signal) => api.series(query!, signal), news(asked.app), LAST);
  return answer.old ? undefined : answer.data?.total.value ?? undefined;
}

// Those that are open end after all that is counted, a gap later at the latest.
const afterIt = ({ to }: Span, { gap_seconds }: Declared): Span => ({ from: to, to: to + gap_seconds * 1000 + 1 });

// --- The page

function SessionsOf({ app, declared, view, span }: Asked & { declared: Declared }) {
  const { stream, route } = app;
  const asked = { app, view, span };
  const stacked = declared.columns.at(-1) ?? stream.scope?.name;
  const ended = useSum(asked, undefined, stacked);
  const facts = useSum(asked, stream.fact.many);
  const lengths = useSum(asked, "duration_ms");
  const past = useCount("sessions before", asked, before(span));
  const open = useCount("open sessions", asked, isLive(route) ? afterIt(span, declared) : undefined);
  const number = ended.data?.total.value ?? 0;
  const mean = (sum: Answer<api.Series>) => (number === 0 ? undefined : (sum.data?.total.value ?? 0) / number);
  const [each, long] = [mean(facts), mean(lengths)];
  const left = route.filters.filter(({ field }) => fieldOf(view, stream, field) === undefined).map(({ field }) => words(field));
  const lists = [
    ...declared.facets.flatMap(({ term, first, last }) => [
      { field: first, title: `First ${words(term.one)}` },
      { field: last, title: `Last ${words(term.one)}` },
    ]),
    ...(stream.scope ? [{ field: stream.scope.name, title: scopeTitle(stream.scope) }] : []),
    ...declared.columns.map((field) => ({ field, title: fieldTitle(stream, field) })),
  ];
  return (
    <>
      <header class="page-head">
        <h1>{viewTitle(view)}</h1>
        {stream.sessions.length > 1 && (
          <div class="page-end">
            <Tabs
              label="Which sessions"
              tabs={stream.sessions.map((other) => ({
                title: viewTitle(viewOf(app, other.view)!),
                to: { own: { view: other.view } },
                chosen: other === declared,
              }))}
            />
          </div>
        )}
        <p>
          {heading(stream.fact.many)} of one {list(declared.by.map(words))} with pauses below {duration(declared.gap_seconds)}. A session ends
          when such a pause has passed, and counts then.{left.length > 0 && ` Not filtered by ${list(left)}.`}
        </p>
      </header>
      <section class="figures" aria-label="Figures">
        <Figure title="Ended" number={ended.data === undefined ? "–" : count(number)} unit={`in ${duration((span.to - span.from) / 1000)}`}>
          {ended.data && <Sparkline values={whole(ended.data)} />}
          <Change now={ended.data && number} past={past} />
        </Figure>
        {isLive(route) && <Figure title="Open" number={open === undefined ? "–" : count(open)} unit="now" />}
        <Figure title={heading(stream.fact.many)} number={each === undefined ? "–" : rate(each)} unit="on average" />
        <Figure title="Length" number={long === undefined ? "–" : duration(long / 1000)} unit="on average" />
      </section>
      <div class="sessions">
        {(ended.data === undefined || number > 0) && <OverTime asked={asked} ended={ended} stacked={stacked} />}
        {number > 0 && lists.map(({ field, title }) => <Most key={field} asked={asked} field={field} title={title} all={number} />)}
        <Rows asked={asked} declared={declared} />
      </div>
    </>
  );
}

function OverTime({ asked, ended, stacked }: { asked: Asked; ended: Answer<api.Series>; stacked: string | undefined }) {
  const { stream } = asked.app;
  const data = ended.data;
  const label = "Ended over time";
  if (data === undefined) return <Card title={label} class="sessions-wide" answers={[ended]}><p class="waiting">Loading…</p></Card>;
  const named = data.groups.map(({ name, values }, index) => ({
    name: stacked === undefined ? name : valueName(stream, stacked, name), values, colour: kindColour(index),
  }));
  const rest = data.total.values.map((value, at) => data.groups.reduce((left, { values }) => left - (values[at] ?? 0), value ?? 0));
  const lines = [...named, ...(rest.some((value) => value > 0) ? [{ name: "others", values: rest, colour: kindColour(7) }] : [])];
  const note = `every ${duration(data.interval_seconds)}${stacked === undefined ? "" : `, by ${words(stacked)}`}`;
  return (
    <Card title={label} note={note} class="sessions-wide" answers={[ended]}>
      <Chart
        label={label}
        kind="bars"
        times={timesOf(data)}
        stepSeconds={data.interval_seconds}
        lines={lines.length > 0 ? lines : [{ name: "ended", values: data.total.values, colour: kindColour(0) }]}
      />
    </Card>
  );
}

function Most({ asked, field, title, all }: { asked: Asked; field: string; title: string; all: number }) {
  const { app } = asked;
  const query = { ...queryOf(asked, asked.span), by: field, limit: LISTED };
  const answer = useQuery(`most ${JSON.stringify(query)}`, (signal) => api.top(query, signal), news(app));
  const groups = answer.data?.groups ?? [];
  return (
    <Card title={title} note="sessions · share" answers={[answer]} end={<Copy call={api.topUrl(query)} name={field} csv={() => ({
      head: [field, "sessions"], rows: groups.map(({ name, value }) => [name, value]),
    })} />}>
      {answer.data === undefined && <p class="waiting">Loading…</p>}
      {answer.data !== undefined && groups.length === 0 && <p class="card-empty">None in this time.</p>}
      <RankedList
        label={title}
        field={field}
        rows={groups.map(({ name, value }) => ({
          value: name, name: valueName(app.stream, field, name), number: value, end: all === 0 ? "" : share(value / all),
        }))}
      />
    </Card>
  );
}

// The newest, with those that are open if the end of the range is now.
function Rows({ asked, declared }: { asked: Asked; declared: Declared }) {
  const { app, view, span } = asked;
  const { stream, route } = app;
  const to = isLive(route) ? afterIt(span, declared).to : span.to;
  const parameters = { from: iso(span.from), to: iso(to), ...askedFilters(view, stream, route.filters) };
  const answer = useQuery(
    `sessions ${isLive(route) ? "live" : spanKey(app)} ${JSON.stringify(parameters)}`,
    (signal) => api.documents(view.name, { ...parameters, limit: ROWS }, signal),
    news(app),
  );
  const rows = answer.data?.documents ?? [];
  const columns = inOrder(view, declared, app).map((field): Column<Document> => ({
    name: field.name,
    title: title(field),
    number: isMeasure(field),
    value: (document) => sortValue(document, field),
    cell: (document) => <Cell field={field} document={document} app={app} />,
  }));
  return (
    <Card
      title={answer.data === undefined ? "Sessions" : `The newest ${count(rows.length)}`}
      class="sessions-wide sessions-rows"
      answers={[answer]}
      end={
        <Copy call={api.url(view.name, parameters)} name={view.name} csv={() => ({
          head: view.fields.map(({ name }) => name),
          rows: rows.map((document) => view.fields.map((field) => plain(document, field))),
        })} />
      }
    >
      {answer.data === undefined
        ? <p class="waiting">Loading…</p>
        : <Table label={viewTitle(view)} columns={columns} rows={rows} keyOf={({ _id }) => _id} order="-started" empty="No session ended in this time." />}
    </Card>
  );
}

// When and how much, from where to where, and of whom.
function inOrder(view: View, { by, facets, columns }: Declared, { stream }: App): Field[] {
  const names = [
    "started", "duration_ms", "open", stream.fact.many, ...facets.flatMap(({ first, last }) => [first, last]),
    ...(stream.scope ? [stream.scope.name] : []), ...columns, ...by, ...stream.sums,
  ];
  return names.flatMap((name) => view.fields.find((field) => field.name === name) ?? []);
}

function Cell({ field, document, app }: { field: Field; document: Document; app: App }) {
  if (field.name === "open") return document["open"] === true ? <b class="session-open">open</b> : <span class="muted">ended</span>;
  return <FieldValue document={document} field={field} stream={app.stream} />;
}
