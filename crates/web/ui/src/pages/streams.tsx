// What streams there are, and what each says of itself.

import "./streams.css";

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Stream, View } from "../api.ts";
import { useApp } from "../app.ts";
import { ago, calendarDay, count, duration, list, moment, words } from "../format.ts";
import * as api from "../api.ts";
import { Card } from "../parts/card.tsx";
import { TryMessage } from "../cards/try-message.tsx";
import { Link } from "../parts/link.tsx";
import { Table } from "../parts/table.tsx";
import { useQuery } from "../query.ts";
import { LIVE, setOwn, toPage } from "../route.ts";
import { useNow } from "../status.tsx";

export function Streams() {
  const { streams, stream } = useApp();
  return (
    <>
      <header class="page-head">
        <h1>Streams</h1>
        <p>
          A stream is one kind of message. Its description says how a message becomes a fact and which views there are;
          all pages are made from it. More can be declared in a file: <code>pulso streams --help</code>.
        </p>
      </header>
      <ul class="streams">
        {streams.map((other) => <Summary key={other.name} stream={other} shown={other === stream} />)}
      </ul>
      <Description stream={stream} />
      <Sources stream={stream} />
      <TryMessage key={stream.name} stream={stream} />
      <Views stream={stream} />
    </>
  );
}

function Summary({ stream, shown }: { stream: Stream; shown: boolean }) {
  const { live } = useApp();
  const progress = live.status?.streams.find(({ name }) => name === stream.name);
  const until = progress?.closed_until;
  return (
    <li class={shown ? "card stream-card shown" : "card stream-card"}>
      <div class="card-head">
        <h2>
          <Link to={{ stream: stream.name, filters: [], range: LIVE, own: {} }} class="value" current={shown ? "true" : undefined}>
            {stream.title}
          </Link>
        </h2>
        <code>{stream.name}</code>
      </div>
      <p class="muted">{stream.about}</p>
      <p class="card-foot">
        {until ? `Counted until ${moment(until)}` : "Nothing counted yet"}
        {progress?.lag ? `, ${count(progress.lag)} messages to read` : ""}
      </p>
    </li>
  );
}

function Description({ stream }: { stream: Stream }) {
  const { progress } = useApp();
  const window = progress?.window;
  const scope = stream.scope;
  return (
    <Card title="Description" note={stream.title} class="streams-part">
      <dl class="description">
        <Row title="Fact">one {words(stream.fact.one)}, many {words(stream.fact.many)}</Row>
        <Row title="Kind"><code>{stream.kind.name}</code>: {list(stream.kind.values)}</Row>
        <Row title="Scope">{scope === null ? "none" : <><code>{scope.name}</code>, a {scope.values}</>}</Row>
        <Row title="Sums">{stream.sums.length === 0 ? "none" : list(stream.sums.map(words))}</Row>
        <Row title="Place">{stream.place ? "facts may have a coordinate" : "facts have no coordinate"}</Row>
        <Row title="Facets">
          {stream.facets.length === 0 ? "none" : list(stream.facets.map(({ term, counts }) =>
            `${words(term.many)}${counts === "actors" ? " (by distinct actors)" : ""}`))}
        </Row>
        {window && (
          <>
            <Row title="Windows">{duration(window.size_seconds)} long, every {duration(window.slide_seconds)}</Row>
            <Row title="Waits for late ones">{duration(window.max_out_of_orderness_seconds)}</Row>
            <Row title="Listed">terms with more than {count(window.count_above)}</Row>
          </>
        )}
      </dl>
    </Card>
  );
}

// A source that sends now and then is not silent yet.
const SILENT_SECONDS = 60;

function Sources({ stream }: { stream: Stream }) {
  const { live, session } = useApp();
  const now = useNow(5000);
  const [switched, setSwitched] = useState(0);
  const news = `${String(live.news)} ${switched}`;
  const answer = useQuery(`sources ${stream.name}`, (signal) => api.sources(stream.name, signal), news);
  const found = answer.data;
  const mayChange = !session.login || session.role === "write";
  const state = ({ last_received: last, state: told }: api.Source) => {
    if (told?.paused_since) {
      return <span class="status"><i class="dot idle" />paused since <time>{moment(told.paused_since, now)}</time></span>;
    }
    if (last === null) return <span class="muted">nothing lately</span>;
    const age = (now - Date.parse(last)) / 1000;
    return age < SILENT_SECONDS
      ? <span class="status"><i class="dot" />receiving</span>
      : <span class="status"><i class="dot idle" />silent, last message {ago(age)}</span>;
  };
  // A log that is not read here is no failure of the page.
  const elsewhere = answer.error !== undefined && found === undefined;
  return (
    <Card title="Sources" note="of the newest messages" class="streams-part">
      {elsewhere && <p class="card-empty">They are not known here: {answer.error!.message}.</p>}
      {found === undefined && !elsewhere && <p class="waiting">Loading…</p>}
      {found && (
        <Table<api.Source>
          label="Sources"
          rows={found.sources}
          keyOf={({ name }) => name}
          empty="Nothing has ever been received. Name a source in the configuration, or replay a file."
          columns={[
            { name: "source", title: "Source", wide: true, cell: ({ name }) => <code class="source-name">{name}</code> },
            { name: "state", title: "State", cell: (source) => <span class="source-state">{state(source)}</span> },
            { name: "last", title: "Last message", cell: ({ last_received }) => (last_received === null ? "–" : <time>{moment(last_received, now)}</time>) },
            { name: "messages", title: `Of the newest ${count(found.searched)} of each partition`, number: true, cell: ({ messages }) => count(messages) },
            { name: "out", title: "Kept out", cell: ({ state }) => <KeptOut state={state} /> },
            ...(mayChange ? [{
              name: "switch", title: "Reading",
              cell: ({ name, state }: api.Source) => state && (
                <Switch name={name} state={state} done={() => setSwitched((times) => times + 1)} />
              ),
            }] : []),
          ]}
        />
      )}
    </Card>
  );
}

// Of all that was read since acquisition began.
function KeptOut({ state }: { state: api.SourceState | null }) {
  if (state === null) return <>–</>;
  const { read, filtered, sampled_out, filter_errors } = state;
  if (filtered + sampled_out + filter_errors === 0) return <>nothing</>;
  const parts = [
    filtered > 0 ? `${count(filtered)} by the filter` : "",
    sampled_out > 0 ? `${count(sampled_out)} by the sample` : "",
    filter_errors > 0 ? `the filter failed on ${count(filter_errors)}, which came in` : "",
  ];
  return <>{parts.filter((part) => part !== "").join(", ")}, of {count(read)}</>;
}

function Switch({ name, state, done }: { name: string; state: api.SourceState; done: () => void }) {
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState<string>();
  const paused = state.paused_since !== null;
  const change = () => {
    setAsking(true);
    setFailed(undefined);
    api.switchSource(name, paused ? "resume" : "pause")
      .then(done, (error: Error) => setFailed(error.message))
      .finally(() => setAsking(false));
  };
  return (
    <>
      <button class="source-switch" role="switch" aria-checked={!paused} aria-label={`Read ${name}`} disabled={asking} onClick={change}>
        {paused ? "Resume" : "Pause"}
      </button>
      {failed && <span role="alert"> {failed}</span>}
    </>
  );
}

function Row({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const KINDS: Record<string, string> = {
  day: "both layers",
  "batch-day": "batch layer, by day",
  now: "batch layer, as of now",
};

function Views({ stream }: { stream: Stream }) {
  const { views, route, layers } = useApp();
  const own = views.filter((view) => view.stream === stream.name);
  return (
    <Card title="Views" note={`${count(own.length)}, with their fields`} class="streams-part">
      <ul class="views">
        {own.map((view) => (
          <ViewRow key={view.name} view={view} open={route.own["view"] === view.name} days={layers?.[view.name] ?? []} />
        ))}
      </ul>
    </Card>
  );
}

function ViewRow({ view, open, days }: { view: View; open: boolean; days: string[] }) {
  const last = days.at(-1);
  return (
    <li class="view">
      <div class="view-head">
        <button aria-expanded={open} onClick={() => setOwn("view", open ? "" : view.name)}>
          <span aria-hidden="true">{open ? "▾" : "▸"}</span> <b>{view.title}</b>
        </button>
        <span class="muted">{KINDS[view.kind] ?? words(view.kind)}{last ? `, completed until ${calendarDay(last)}` : ""}</span>
        <span class="view-end">
          {view.kind !== "day" && <Link to={toPage("views", view.name)}>Open</Link>}
          <a class="text-link" href={view.href}>{view.href}</a>
        </span>
      </div>
      {open && (
        <table class="table view-fields">
          <caption class="unseen">Fields of {view.title}</caption>
          <thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Added up by</th></tr></thead>
          <tbody>
            {view.fields.map(({ name, type, functions, group }) => (
              <tr key={name}>
                <th scope="row"><code>{name}</code></th>
                <td>{words(type)}</td>
                <td class="muted">{functions?.join(", ") ?? (group ? "by its values" : "–")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </li>
  );
}

