// A view of the batch layer as a table, with a chart that suits its key: over days where there are
// several, else the largest; and a map where its documents have places.

import "./batch-view.css";

import type { Document, Field, View } from "../api.ts";
import * as api from "../api.ts";
import { type App, spanKey, useApp, viewOf } from "../app.ts";
import { valueName, viewTitle } from "../descriptor.ts";
import { FieldValue, TIME, askedFilters, fieldOf, isMeasure, passes, plain, sortValue, textsOf, title, valueAt } from "../fields.tsx";
import { calendarDay, count, heading, iso, list, words } from "../format.ts";
import { FourHours, isByHour } from "../cards/four-hours.tsx";
import { Card } from "../parts/card.tsx";
import { Chart, kindColour } from "../parts/chart.tsx";
import { Copy } from "../parts/copy.tsx";
import { Empty } from "../parts/empty.tsx";
import { type Ranked, RankedList } from "../parts/ranked.tsx";
import { type Column, Search, Table, matches } from "../parts/table.tsx";
import { type Circle, World } from "../parts/world.tsx";
import { type Answer, useQuery } from "../query.ts";
import { isLive } from "../range.ts";
import { go, setOwn, toggled } from "../route.ts";

const DOCUMENTS_MAX = 5000;
const RANKED = 14;
const STACKED = 6;
const CIRCLES = 600;
const DAY_MS = 86_400_000;

interface Found {
  documents: Document[];
  more: boolean;
  notice: string | undefined;
}

export function BatchView() {
  const app = useApp();
  const view = viewOf(app, app.route.view ?? "");
  if (view === undefined) {
    return (
      <Empty title={`There is no view “${app.route.view}”.`}>
        <p>The views of this stream are in the list of pages.</p>
      </Empty>
    );
  }
  return <BatchViewOf app={app} view={view} />;
}

// When the UTC day of a document begins: some views have several documents a day for one key.
const dayOf = (document: Document): number => Math.floor(Date.parse(document[TIME]) / DAY_MS) * DAY_MS;

// Days are whole: a range of hours shows the days that it touches.
function days({ route, span }: App, view: View): { from?: string; to?: string } {
  if (isLive(route) || span === undefined || view.kind === "now") return {};
  const from = Math.floor(span.from / DAY_MS) * DAY_MS;
  return { from: iso(from), to: iso(span.to) };
}

function useDocuments(app: App, view: View): Answer<Found> {
  const asked = askedFilters(view, app.stream, app.route.filters);
  const parameters = { ...days(app, view), ...asked };
  // Which days a range means is not known at once.
  const known = isLive(app.route) || app.span !== undefined;
  const key = known ? `documents ${view.name} ${isLive(app.route) ? "" : spanKey(app)} ${JSON.stringify(asked)}` : undefined;
  return useQuery(key, async (signal) => {
    const { documents, more, page } = await api.allDocuments(view.name, parameters, DOCUMENTS_MAX, signal);
    return { documents, more, notice: page.notice };
  }, app.live.batchNews);
}

function BatchViewOf({ app, view }: { app: App; view: View }) {
  const { stream, route } = app;
  const answer = useDocuments(app, view);
  // Of different visitors and the like, those of two hours are not the sum.
  const added = (field: Field) => !isByHour(view) || [stream.fact.many, ...stream.sums].includes(field.name);
  const measures = view.fields.filter((field) => isMeasure(field) && added(field));
  const measure = measures.find(({ name }) => name === route.own["measure"]) ?? measures.find(({ name }) => name === stream.fact.many) ?? measures.find(({ type }) => type === "float") ?? measures[0];
  const found = answer.data;
  const documents = (found?.documents ?? []).filter(
    (document) => passes(document, view, stream, route.filters) && matches(route.own["q"], textsOf(document, view.fields)),
  );
  const several = new Set(documents.map(dayOf)).size > 1 && view.kind !== "now";
  return (
    <>
      <header class="page-head">
        <h1>{viewTitle(view)}</h1>
        <div class="page-end">
          {measures.length > 1 && measure && (
            <select class="field" aria-label="What is drawn" value={measure.name} onChange={(event) => setOwn("measure", event.currentTarget.value)}>
              {measures.map((field) => <option key={field.name} value={field.name}>{title(field)}</option>)}
            </select>
          )}
          <Search label="Filter rows" />
        </div>
        <p>{about(view)}</p>
      </header>
      {found !== undefined && found.documents.length === 0
        ? <NothingComputed view={view} notice={found.notice} />
        : (
          <div class="batch-view">
            {measure && documents.length > 0 && isByHour(view) && <FourHours view={view} measure={measure} />}
            {measure && documents.length > 0 && !isByHour(view) && (several
              ? <OverDays view={view} measure={measure} documents={documents} />
              : <Largest view={view} measure={measure} documents={documents} app={app} />)}
            {measure && documents.length > 0 && <Places app={app} view={view} measure={measure} documents={documents} />}
            <Rows app={app} view={view} answer={answer} documents={documents} measure={measure} />
          </div>
        )}
    </>
  );
}

function about(view: View): string {
  const per = isByHour(view) ? "hour" : "UTC day";
  const what = view.kind === "now" ? "As of now, computed from the whole master dataset." : `One row for each key and ${per}.`;
  return `${what} The batch layer writes it: it is exact, late messages included, and as new as the last run.`;
}

function NothingComputed({ view, notice }: { view: View; notice: string | undefined }) {
  return (
    <Empty title="There is nothing in this view yet." nested>
      {notice !== undefined && <p>{notice}</p>}
      <p>
        The batch layer computes it from the master dataset. It runs by itself in <code>pulso demo</code> and after{" "}
        <code>pulso replay</code>; on servers, <code>pulso-batch run {view.name}</code> does it.
      </p>
    </Empty>
  );
}

// The field that says what a row is about: a name if there is one.
function labelField(view: View): Field | undefined {
  const texts = view.fields.filter(({ type }) => type === "text");
  return texts.find(({ name }) => /(^|\.)name$/.test(name)) ?? lastKey(texts) ?? texts[0];
}

// Of several keys, such as country, region and city, the last is the closest.
function lastKey(texts: Field[]): Field | undefined {
  return texts.findLast(({ name }) => /(^|\.)(city|target)$/.test(name));
}

const numberOf = (document: Document, field: Field): number => Number(valueAt(document, field.name) ?? 0);

function sumBy(documents: Document[], label: Field, measure: Field): Map<string, number> {
  const sums = new Map<string, number>();
  for (const document of documents) {
    const name = valueAt(document, label.name);
    if (name === undefined || name === "") continue;
    sums.set(String(name), (sums.get(String(name)) ?? 0) + numberOf(document, measure));
  }
  return new Map([...sums].sort(([, a], [, b]) => b - a));
}

function Largest({ app, view, measure, documents }: { app: App; view: View; measure: Field; documents: Document[] }) {
  const label = labelField(view);
  if (label === undefined) return null;
  const sums = measure.functions?.includes("sum") ?? true;
  const rows = sums
    ? [...sumBy(documents, label, measure)].slice(0, RANKED).map(([name, number]): Ranked => ({
      value: name, name: valueName(app.stream, label.name, name), number,
    }))
    : highest(documents, view, label, measure);
  const newest = documents[0]?.[TIME];
  return (
    <Card
      title={`${sums ? "Most" : "Highest"} ${words(measure.name)}`}
      note={!sums ? undefined : view.kind === "now" || newest === undefined ? `by ${words(label.name)}` : `by ${words(label.name)}, ${calendarDay(newest)}`}
      class="batch-largest"
    >
      <RankedList label={`Most ${words(measure.name)}`} field={label.name} rows={rows} />
    </Card>
  );
}

// What cannot be added up belongs to single rows. A pair that is listed both ways round is one.
function highest(documents: Document[], view: View, label: Field, measure: Field): Ranked[] {
  const texts = view.fields.filter(({ type }) => type === "text");
  const sorted = [...documents].sort((a, b) => numberOf(b, measure) - numberOf(a, measure));
  const pairs = new Map<string, Ranked>();
  for (const document of sorted) {
    const names = texts.map(({ name }) => String(valueAt(document, name) ?? ""));
    const key = [...names].sort().join("\n");
    if (!pairs.has(key)) {
      pairs.set(key, { value: String(valueAt(document, label.name)), name: names.join(" · "), number: numberOf(document, measure) });
    }
    if (pairs.size === RANKED) break;
  }
  return [...pairs.values()];
}

function OverDays({ view, measure, documents }: { view: View; measure: Field; documents: Document[] }) {
  const label = labelField(view);
  const byDay = new Map<number, Document[]>();
  for (const document of documents) {
    const time = dayOf(document);
    byDay.set(time, [...(byDay.get(time) ?? []), document]);
  }
  const first = Math.min(...byDay.keys());
  const last = Math.max(...byDay.keys());
  // Days without a document are days, too; but years without any are not drawn.
  const count = Math.min(400, Math.round((last - first) / DAY_MS) + 1);
  const times = Array.from({ length: count }, (_, index) => last - (count - 1 - index) * DAY_MS);
  const top = label ? [...sumBy(documents, label, measure).keys()].slice(0, STACKED) : [];
  const valuesOf = (has: (document: Document) => boolean) => times.map((time) =>
    (byDay.get(time) ?? []).filter(has).reduce((sum, document) => sum + numberOf(document, measure), 0));
  const nameOf = (document: Document) => String(label ? valueAt(document, label.name) : "");
  const lines = [
    ...top.map((name, index) => ({ name, values: valuesOf((document) => nameOf(document) === name), colour: kindColour(index) })),
    { name: "others", values: valuesOf((document) => !top.includes(nameOf(document))), colour: kindColour(7) },
  ];
  return (
    <Card title={`${heading(measure.name)} by day`} note={label && `by ${words(label.name)}`} class="batch-days">
      <Chart label={`${heading(measure.name)} by day`} kind="bars" times={times} stepSeconds={DAY_MS / 1000} lines={lines} />
    </Card>
  );
}

function Places({ app, view, measure, documents }: { app: App; view: View; measure: Field; documents: Document[] }) {
  const place = view.fields.find(({ type }) => type === "location");
  const label = labelField(view);
  if (place === undefined || label === undefined) return null;
  const circles = new Map<string, Circle>();
  for (const document of documents) {
    const at = valueAt(document, place.name) as { lat: number; lon: number } | undefined;
    const number = numberOf(document, measure);
    if (at === undefined || number <= 0) continue;
    const name = String(valueAt(document, label.name) ?? "");
    const key = `${name} ${at.lat} ${at.lon}`;
    const known = circles.get(key);
    if (known) known.number += number;
    else circles.set(key, { key, name, lat: at.lat, lon: at.lon, number });
  }
  const shown = [...circles.values()].sort((a, b) => b.number - a.number).slice(0, CIRCLES);
  if (shown.length === 0) return null;
  return (
    <Card title="Where" note={`${words(measure.name)}, by place`} class="batch-where">
      <World
        label={`Map of ${words(measure.name)}; the largest: ${shown.slice(0, 5).map(({ name }) => name).join(", ")}`}
        unit={words(measure.name)}
        countries={new Map()}
        nameOf={(code) => code}
        circles={shown}
        choose={() => undefined}
        chooseCircle={({ name }) => go({ filters: toggled(app.route.filters, label.name, name) })}
      />
    </Card>
  );
}

function Rows({ app, view, answer, documents, measure }: {
  app: App;
  view: View;
  answer: Answer<Found>;
  documents: Document[];
  measure: Field | undefined;
}) {
  const { stream, route } = app;
  const found = answer.data;
  const label = labelField(view);
  const shown = view.fields.filter(({ name, type }) => type !== "location" && name !== TIME && !/(^|\.)(id|urlname)$/.test(name));
  // What a row is about comes first.
  const fields = [...shown.filter((field) => field === label), ...shown.filter((field) => field !== label)];
  const columns = fields.map((field): Column<Document> => ({
    name: field.name,
    title: title(field),
    number: isMeasure(field),
    value: (document) => sortValue(document, field),
    cell: (document) => <FieldValue document={document} field={field} stream={stream} />,
  }));
  const passedOver = route.filters.filter(({ field }) => fieldOf(view, stream, field) === undefined).map(({ field }) => words(field));
  const notes = [
    found?.more ? `Only the newest ${count(DOCUMENTS_MAX)} rows are loaded.` : "",
    passedOver.length > 0 ? `Not filtered by ${list(passedOver)}, which this view does not have.` : "",
  ].filter((text) => text !== "").join(" ");
  const newest = found?.documents[0]?.[TIME];
  return (
    <Card
      title={found === undefined ? "Rows" : `${count(documents.length)} ${documents.length === 1 ? "row" : "rows"}`}
      note={newest && view.kind !== "now" ? `newest day ${calendarDay(newest)}` : undefined}
      answers={[answer]}
      class="batch-rows"
      end={
        <Copy
          call={api.url(view.name, { ...days(app, view), ...askedFilters(view, stream, route.filters) })}
          name={view.name}
          csv={() => ({
            head: view.fields.map(({ name }) => name),
            rows: documents.map((document) => view.fields.map((field) => plain(document, field))),
          })}
        />
      }
      foot={notes === "" ? undefined : notes}
    >
      {found === undefined ? <p class="waiting">Loading…</p> : (
        <Table
          label={viewTitle(view)}
          columns={columns}
          rows={documents}
          keyOf={({ _id }) => _id}
          order={measure ? `-${measure.name}` : ""}
          empty="No row matches. Clear the search or a filter."
        />
      )}
    </Card>
  );
}
