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
    const total = byScope.get(scope) ?? { scope, facts: 0, sums: stream.sums.map(() => 0) };
    total.facts += facts;
    stream.sums.forEach((sum, index) => (total.sums[index] += document[sum]));
    byScope.set(scope, total);
  }
  const order = (a, b) => b.facts - a.facts || (a.scope < b.scope ? -1 : 1);
  return { panes, totals, scopes: [...byScope.values()].sort(order) };
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
