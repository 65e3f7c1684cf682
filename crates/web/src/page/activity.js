// What happened in the last window: by pane, by kind and by scope.

import { getAll } from "./requests.js";

// The panes of the last window: they do not overlap, so their counts may be added up.
export async function loadActivity(stream, progress, pageLimitMax) {
  const { closed_until: end, window } = progress;
  const from = new Date(Date.parse(end) - window.size_seconds * 1000).toISOString();
  const parameters = { from, to: end, limit: pageLimitMax };
  const { documents, complete } = await getAll(stream.activity_view, parameters);
  const layers = documents.map(({ layer }) => layer);
  return { ...summarize(stream, documents, from, progress), from, end, layers, complete };
}

// Adds up documents of activity: by pane, by kind and by scope.
export function summarize(stream, documents, from, { window }) {
  const kinds = stream.kind.values;
  const slide = window.slide_seconds * 1000;
  const start = Date.parse(from);
  const panes = Array.from(
    { length: Math.round(window.size_seconds / window.slide_seconds) },
    (_, index) => ({ start: start + index * slide, counts: kinds.map(() => 0) }),
  );
  const totals = kinds.map(() => 0);
  const byScope = new Map();
  for (const document of documents) {
    const facts = document[stream.fact.many];
    const kind = kinds.indexOf(document[stream.kind.name]);
    const pane = panes[Math.floor((Date.parse(document["@timestamp"]) - start) / slide)];
    totals[kind] += facts;
    if (pane) pane.counts[kind] += facts;
    const scope = stream.scope && document[stream.scope.name];
    const total = byScope.get(scope) ?? new Total(scope, stream.sums);
    total.add(document, facts, stream.sums);
    byScope.set(scope, total);
  }
  const order = (a, b) => b.facts - a.facts || (a.scope < b.scope ? -1 : 1);
  return { panes, totals, scopes: [...byScope.values()].sort(order) };
}

// What happened in a scope, and where.
class Total {
  constructor(scope, sums) {
    this.scope = scope;
    this.facts = 0;
    this.sums = sums.map(() => 0);
    this.placed = { facts: 0, lat: 0, lon: 0 };
  }

  add(document, facts, sums) {
    this.facts += facts;
    sums.forEach((sum, index) => (this.sums[index] += document[sum]));
    if (document.location === undefined) return;
    const { lat, lon } = document.location;
    this.placed.facts += facts;
    this.placed.lat += lat * facts;
    this.placed.lon += lon * facts;
  }

  // The middle of the places; undefined where none is known.
  get place() {
    const { facts, lat, lon } = this.placed;
    return facts === 0 ? undefined : { lat: lat / facts, lon: lon / facts };
  }
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
