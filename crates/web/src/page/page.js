// Shows one stream, made from its description: its last window and what trends in it. Asks again every
// two seconds.

import { loadActivity } from "./activity.js";
import { byId, element, setOptions } from "./elements.js";
import { words } from "./format.js";
import { Kinds } from "./kinds.js";
import { Places } from "./places.js";
import { get } from "./requests.js";
import { Scopes } from "./scopes.js";
import { lastReport, showAlert, showStatus, whyEmpty } from "./status.js";
import { Trends } from "./trends.js";

const REFRESH_MS = 2000;

const state = {
  paused: false,
  timer: undefined,
  // A refresh is under way; another one is wanted after it.
  busy: false,
  again: false,
  streams: undefined,
  // The stream that is shown, its part of the status, and its panels.
  stream: undefined,
  progress: undefined,
  report: undefined,
  panels: [],
  layers: [],
  notReady: null,
  // What the panels show: fetched again only when the stream has moved on, a choice was changed, or an
  // answer failed.
  shownUntil: undefined,
  stale: true,
  // When the last answer came, in milliseconds of the page's own clock.
  updated: undefined,
};

async function refresh() {
  clearTimeout(state.timer);
  // A paused page still answers to what is chosen.
  if (document.hidden || (state.paused && !state.stale)) return;
  if (state.busy) {
    state.again = true;
    return;
  }
  state.busy = true;
  try {
    await update();
    state.updated = performance.now();
    showAlert(undefined, state.notReady);
  } catch (error) {
    state.stale = true;
    showAlert(error, state.notReady, REFRESH_MS / 1000);
  }
  state.busy = false;
  showStatus(state);
  const wait = state.again ? 0 : REFRESH_MS;
  state.again = false;
  clearTimeout(state.timer);
  state.timer = setTimeout(refresh, wait);
}

async function update() {
  const status = await get("status");
  state.notReady = status.not_ready;
  // The server may have been started anew, with other streams.
  if (names(state.streams) !== names(status.streams)) state.streams = (await get("streams")).streams;
  const progressOf = ({ name }) => status.streams.find((progress) => progress.name === name);
  const stream = chooseStream(progressOf);
  const progress = progressOf(stream);
  if (stream !== state.stream) showStream(stream);
  state.progress = progress;
  state.report = await lastReport(stream, progress);
  if (progress.closed_until === null) {
    showNothing(whyEmpty(stream, progress, state.report));
  } else if (state.stale || progress.closed_until !== state.shownUntil) {
    // Before the answers come, so that a choice that is made meanwhile counts.
    state.stale = false;
    await showViews(stream, progress, status.page_limit_max);
  }
  state.shownUntil = progress.closed_until;
}

function names(streams) {
  return streams?.map(({ name }) => name).join();
}

// The stream that the address names, else the first that is being processed, else the first with data.
function chooseStream(progressOf) {
  const running = (stream) => progressOf(stream).lag !== null;
  const filled = (stream) => progressOf(stream).closed_until !== null;
  const named = ({ name }) => name === location.hash.slice(1);
  const { streams } = state;
  const stream =
    streams.find(named) ?? streams.find(running) ?? streams.find(filled) ?? streams[0];
  const offered = streams.filter((one) => one === stream || running(one) || filled(one));
  setOptions(byId("stream"), offered.map(({ name, title }) => [name, title]));
  byId("stream").value = stream.name;
  byId("stream-choice").hidden = offered.length < 2;
  return stream;
}

function showStream(stream) {
  const kinds = new Kinds(stream);
  const trends = stream.facets.map((facet) => new Trends(stream, facet, chosen));
  const scopes = stream.scope === null ? [] : [new Scopes(stream)];
  const places = stream.place && stream.scope !== null ? [new Places(stream)] : [];
  const panels = [kinds, ...trends, ...scopes, ...places];
  Object.assign(state, { stream, panels, stale: true, layers: [] });
  const left = trends.filter((_, index) => index % 2 === 0);
  const right = [...scopes, ...places, ...trends.filter((_, index) => index % 2 === 1)];
  const columns = [left, right].filter((column) => column.length > 0);
  byId("panels").classList.toggle("even", trends.length > 1);
  byId("panels").replaceChildren(kinds.section, ...columns.map(inColumn));
  document.title = `${stream.title} · Pulso`;
  byId("about").textContent = stream.about || stream.title;
  showFactsLink(stream);
}

function inColumn(panels) {
  return element("div", { className: "column" }, ...panels.map(({ section }) => section));
}

function showFactsLink({ fact, facts_view }) {
  const many = words(fact.many);
  const href = `/api/v1/${facts_view.name}`;
  byId("facts").replaceChildren(
    facts_view.shown
      ? element("a", { href, textContent: `Single ${many}` })
      : `Single ${many} are not shown: they are in the lake only.`,
  );
}

// The reason is told once, in the first panel.
function showNothing(reason) {
  const [first, ...others] = state.panels;
  first.showNote(reason);
  others.forEach(({ section }) => (section.hidden = true));
  state.layers = [];
}

async function showViews(stream, progress, pageLimitMax) {
  const loading = state.panels.map((panel) => panel.load?.({ pageLimitMax }));
  const [activity, ...layers] = await Promise.all([
    loadActivity(stream, progress, pageLimitMax),
    ...loading,
  ]);
  for (const panel of state.panels) {
    panel.show({ progress, activity });
    panel.section.hidden = false;
  }
  const found = [activity.layers, ...layers].flat().filter((layer) => layer !== undefined);
  state.layers = [...new Set(found)].sort();
}

function chosen() {
  state.stale = true;
  refresh();
}

function togglePause() {
  state.paused = !state.paused;
  byId("pause").ariaPressed = String(state.paused);
  showStatus(state);
  if (!state.paused) refresh();
}

byId("pause").hidden = false;
byId("pause").addEventListener("click", togglePause);
byId("stream").addEventListener("change", ({ target }) => {
  location.hash = target.value;
});
addEventListener("hashchange", chosen);
document.addEventListener("visibilitychange", refresh);
setInterval(() => showStatus(state), 1000);
refresh();
