// Single facts, the newest first: searched and filtered, with the columns that one chooses.

import "./facts.css";

import { useState } from "preact/hooks";

import type { Document, Field, View } from "../api.ts";
import * as api from "../api.ts";
import { type App, spanKey, useApp, viewOf } from "../app.ts";
import { FieldValue, TIME, askedFilters, fieldOf, isMeasure, passes, plain, sortValue, textsOf, title } from "../fields.tsx";
import { count, heading, instant, iso, list, period, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Copy } from "../parts/copy.tsx";
import { Empty, NothingYet } from "../parts/empty.tsx";
import { Payload } from "../parts/payload.tsx";
import { type Column, Search, Table, matches } from "../parts/table.tsx";
import { type Answer, useQuery } from "../query.ts";
import { isLive } from "../range.ts";
import { setOwn } from "../route.ts";

const PAGE = 1000;
const WANTED = 200;
const LOOKED_THROUGH_MAX = 20_000;
const COLUMNS_MAX = 7;

interface Found {
  documents: Document[];
  looked: number;
  back: string | undefined;
  more: boolean;
  notice: string | undefined;
}

export function Facts() {
  const app = useApp();
  const { stream, span } = app;
  const view = viewOf(app, stream.facts_view.name);
  if (view === undefined || !stream.facts_view.shown) {
    return (
      <Empty title={`Single ${words(stream.fact.many)} are not kept as a view.`}>
        <p>
          The stream’s description leaves them out (<code>shown = false</code>). They are counted all the same, and the
          master dataset has every message.
        </p>
      </Empty>
    );
  }
  if (span === undefined) return <NothingYet />;
  return <FactsOf app={app} view={view} />;
}

function useFacts(app: App, view: View): Answer<Found> {
  const { route, stream } = app;
  const span = app.span!;
  const query = route.own["q"] ?? "";
  const parameters = { from: iso(span.from), to: iso(span.to), ...askedFilters(view, stream, route.filters) };
  const key = `facts ${isLive(route) ? "live" : spanKey(app)} ${JSON.stringify(route.filters)} ${query}`;
  return useQuery(key, async (signal) => {
    const documents: Document[] = [];
    let looked = 0;
    let page: api.DocumentPage | undefined;
    let back: string | undefined;
    do {
      const cursor = page?.next_cursor ?? undefined;
      page = await api.documents(view.name, { ...parameters, cursor, limit: PAGE }, signal);
      looked += page.documents.length;
      back = page.documents.at(-1)?.[TIME] ?? back;
      documents.push(...page.documents.filter(
        (document) => passes(document, view, stream, route.filters) && matches(query, textsOf(document, view.fields)),
      ));
    } while (page.next_cursor !== null && documents.length < WANTED && looked < LOOKED_THROUGH_MAX);
    return { documents, looked, back, more: page.next_cursor !== null, notice: page.notice };
  }, app.live.news);
}

function FactsOf({ app, view }: { app: App; view: View }) {
  const { stream, route } = app;
  const span = app.span!;
  const answer = useFacts(app, view);
  const fields = chosenFields(view, app);
  const [open, setOpen] = useState<string>();
  const found = answer.data;
  const facts = words(stream.fact.many);
  const passedOver = route.filters.filter(({ field }) => fieldOf(view, stream, field) === undefined);
  const columns: Column<Document>[] = [
    ...fields.map((field): Column<Document> => ({
      name: field.name,
      title: title(field),
      number: isMeasure(field),
      value: (document) => sortValue(document, field),
      cell: (document) => <FieldValue document={document} field={field} stream={stream} />,
    })),
    {
      name: "open",
      title: "All fields",
      untitled: true,
      cell: ({ _id }) => (
        <button
          class="fact-open"
          aria-expanded={open === _id}
          aria-label={open === _id ? "Hide all fields" : "Show all fields"}
          onClick={() => setOpen(open === _id ? undefined : _id)}
        >
          {open === _id ? "▾" : "▸"}
        </button>
      ),
    },
  ];
  return (
    <>
      <header class="page-head">
        <h1>{heading(stream.fact.many)}</h1>
        <div class="page-end">
          <Columns view={view} chosen={fields} />
          <Search label={`Search ${facts}`} />
        </div>
      </header>
      <Card
        title={found === undefined ? heading(facts) : `${count(found.documents.length)} ${facts}`}
        note={period(span.from, span.to)}
        answers={[answer]}
        class="facts"
        end={
          <Copy
            call={api.url(view.name, { from: iso(span.from), to: iso(span.to), ...askedFilters(view, stream, route.filters) })}
            name={stream.fact.many}
            csv={() => ({
              head: view.fields.map(({ name }) => name),
              rows: (found?.documents ?? []).map((document) => view.fields.map((field) => plain(document, field))),
            })}
          />
        }
        foot={found && foot(found, passedOver.map(({ field }) => words(field)), facts)}
      >
        {found === undefined ? <p class="waiting">Loading…</p> : (
          <Table
            label={heading(facts)}
            columns={columns}
            rows={found.documents}
            keyOf={({ _id }) => _id}
            below={(document) => document._id === open && <AllFields document={document} view={view} app={app} />}
            empty={found.notice ?? `No ${facts} match here. Clear the search or a filter, or choose a longer range.`}
          />
        )}
      </Card>
    </>
  );
}

function foot({ looked, back, more }: Found, passedOver: string[], facts: string): string {
  const filters = passedOver.length === 0 ? "" : ` They are not filtered by ${list(passedOver)}, which they do not have.`;
  if (!more || back === undefined) return `There are no others in this time.${filters}`;
  return `Looked through the newest ${count(looked)} ${facts}, back to ${instant(back)}. Choose a shorter range to see those before.${filters}`;
}

function AllFields({ document, view, app }: { document: Document; view: View; app: App }) {
  return (
    <>
      <dl class="fact-all">
        {view.fields.map((field) => (
          <div key={field.name}>
            <dt>{field.name}</dt>
            <dd><FieldValue document={document} field={field} stream={app.stream} whole /></dd>
          </div>
        ))}
      </dl>
      <AsItCame document={document} app={app} />
    </>
  );
}

// The message that a fact was made from, when somebody wants to see it.
function AsItCame({ document, app }: { document: Document; app: App }) {
  const [wanted, setWanted] = useState(false);
  const { stream } = app;
  const answer = useQuery(wanted ? `message ${stream.name} ${document._id}` : undefined,
    (signal) => api.message(stream.name, document._id, signal));
  const found = answer.data;
  if (!wanted) {
    return <button class="button fact-message" onClick={() => setWanted(true)}>Show the message as it came</button>;
  }
  if (answer.error !== undefined) return <p class="fact-message muted">It is not shown: {answer.error.message}.</p>;
  if (found === undefined) return <p class="waiting">Looking for it…</p>;
  return (
    <div class="fact-message">
      <p class="muted">
        Partition {count(found.partition)}, offset {count(found.offset)}, from <code>{found.source}</code>, received {instant(found.received)}
      </p>
      <Payload text={found.payload ?? found.payload_hex ?? ""} />
    </div>
  );
}

// --- Columns

// Unless somebody chose: time, kind, scope, sums and terms, then what has a name.
function chosenFields(view: View, { route, stream }: App): Field[] {
  const asked = route.own["columns"]?.split(",");
  if (asked !== undefined && asked[0] !== "") return view.fields.filter(({ name }) => asked.includes(name));
  const first = [
    TIME, stream.kind.name, ...(stream.scope ? [stream.scope.name] : []), ...stream.sums,
    ...stream.facets.map(({ term }) => term.many),
  ];
  const named = view.fields.filter(({ name, type }) => type === "text" && /(^|\.)(name|title|city|target|referrer)$/.test(name));
  const names = [...new Set([...first, ...named.map(({ name }) => name)])].slice(0, COLUMNS_MAX);
  return view.fields.filter(({ name }) => names.includes(name));
}

function Columns({ view, chosen }: { view: View; chosen: Field[] }) {
  const names = chosen.map(({ name }) => name);
  const toggle = (name: string) => {
    const next = names.includes(name) ? names.filter((other) => other !== name) : [...names, name];
    if (next.length > 0) setOwn("columns", next.join(","), "replace");
  };
  return (
    <details class="columns">
      <summary class="button">Columns</summary>
      <ul>
        {view.fields.map((field) => (
          <li key={field.name}>
            <label>
              <input type="checkbox" checked={names.includes(field.name)} onChange={() => toggle(field.name)} />
              {title(field)}
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}
