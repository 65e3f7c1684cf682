// Shows the newest window and the last minutes by country, and asks again every two seconds.
//
// Names of topics come from outside: text goes into the page as `textContent` only, never as HTML.
"use strict";

const REFRESH_MS = 2000;
const ANSWER_MS_MAX = 5000;
const TOPICS_SHOWN = 20;
const COUNTRIES_SHOWN = 15;
// Panes × countries × kinds of response in one window of the default configuration are far fewer.
const ACTIVITY_PAGES_MAX = 20;
const UNUSUAL_SCORE = 3;

const byId = (id) => document.getElementById(id);
const countFormat = new Intl.NumberFormat("en");
const dayFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const clockFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });
const countryNames = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });

const state = {
  paused: false,
  timer: undefined,
  // When the last answer came, in milliseconds of the page's own clock.
  updated: undefined,
  // What the tables show: fetched again only when the stream has moved on.
  closedUntil: undefined,
  layers: [],
  status: undefined,
};

async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const url = query ? `/api/v1/${path}?${query}` : `/api/v1/${path}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

async function refresh() {
  clearTimeout(state.timer);
  if (state.paused || document.hidden) return;
  try {
    const status = await get("status");
    if (status.closed_until !== state.closedUntil) await showViews(status);
    state.closedUntil = status.closed_until;
    state.status = status;
    state.updated = performance.now();
    showAlert(undefined);
  } catch (error) {
    showAlert(error);
  }
  showStatus();
  clearTimeout(state.timer);
  state.timer = setTimeout(refresh, REFRESH_MS);
}

async function showViews(status) {
  if (status.closed_until === null) {
    showNothingYet(status.window);
    return;
  }
  const limit = Math.min(TOPICS_SHOWN, status.page_limit_max);
  const [trends, activity] = await Promise.all([
    get("trending-topics", { window: "latest", limit }),
    getActivity(status),
  ]);
  showTrends(trends.documents, status);
  showCountries(activity, status);
  const documents = [...trends.documents, ...activity.documents];
  state.layers = [...new Set(documents.map((document) => document.layer))].sort();
}

// The panes of the last window: they do not overlap, so their counts may be added up.
async function getActivity(status) {
  const end = status.closed_until;
  const from = new Date(Date.parse(end) - status.window.size_seconds * 1000).toISOString();
  const parameters = { from, to: end, limit: status.page_limit_max };
  const documents = [];
  for (let pages = 0; pages < ACTIVITY_PAGES_MAX; pages += 1) {
    const page = await get("country-activity", parameters);
    documents.push(...page.documents);
    if (page.next_cursor === null) return { from, end, documents, complete: true };
    parameters.cursor = page.next_cursor;
  }
  return { from, end, documents, complete: false };
}

function showNothingYet(window) {
  const wait = duration(window.slide_seconds + window.max_out_of_orderness_seconds);
  showNote("trends", `No closed window yet: the first appears about ${wait} after the first response.`);
  showNote("countries", "No closed window yet.");
}

function showTrends(trends, { closed_until, window }) {
  const rule = `more than ${window.count_above} responses`;
  if (trends.length === 0) {
    showNote("trends", `No topic has had ${rule} in ${duration(window.size_seconds)} yet.`);
    return;
  }
  const { window_start, "@timestamp": end } = trends[0];
  const largest = Math.max(...trends.map((trend) => trend.count));
  const rows = trends.map(({ rank, name, count, score }) =>
    row(
      cell(countFormat.format(rank), "number"),
      withBar(named(name), count / largest),
      cell(countFormat.format(count), "number"),
      scoreCell(score),
    ),
  );
  showTable("trends", `In the window ${period(window_start, end)}`, rows);
  const silent = Date.parse(end) < Date.parse(closed_until);
  const until = moment(closed_until, end);
  byId("trends-note").textContent = silent
    ? `No topic has ${rule} in the window until ${until}. This was the last list.`
    : "";
}

function showCountries({ from, end, documents, complete }) {
  const totals = new Map();
  for (const { country, responses, attendees } of documents) {
    const total = totals.get(country) ?? { country, responses: 0, attendees: 0 };
    total.responses += responses;
    total.attendees += attendees;
    totals.set(country, total);
  }
  const order = (a, b) => b.responses - a.responses || (a.country < b.country ? -1 : 1);
  const countries = [...totals.values()].sort(order);
  if (countries.length === 0) {
    showNote("countries", `No responses in the window ${period(from, end)}.`);
    return;
  }
  const rows = countries.slice(0, COUNTRIES_SHOWN).map(({ country, responses, attendees }) =>
    row(
      withBar(named(countryName(country)), responses / countries[0].responses),
      cell(countFormat.format(responses), "number"),
      cell(countFormat.format(attendees), "number"),
    ),
  );
  const hidden = countries.length - rows.length;
  const which = hidden > 0 ? `The first ${rows.length} of ${countries.length}, in` : "In";
  showTable("countries", `${which} the window ${period(from, end)}`, rows);
  byId("countries-note").textContent = complete ? "" : "There is more than can be added up here.";
}

function showTable(id, caption, rows) {
  const table = byId(id);
  table.caption.textContent = caption;
  table.tBodies[0].replaceChildren(...rows);
  table.hidden = false;
  byId(`${id}-help`).hidden = false;
}

function showNote(id, text) {
  byId(id).hidden = true;
  byId(`${id}-help`).hidden = true;
  byId(`${id}-note`).textContent = text;
}

function row(...cells) {
  const element = document.createElement("tr");
  element.append(...cells);
  return element;
}

function cell(text, className) {
  const element = document.createElement("td");
  element.className = className;
  element.textContent = text;
  return element;
}

// The name of a row; `dir` keeps a right-to-left name from turning the rest of the row round.
function named(text) {
  const element = document.createElement("th");
  element.scope = "row";
  element.className = "name";
  const name = document.createElement("bdi");
  name.textContent = text;
  element.append(name);
  return element;
}

// The bar repeats the number beside it, so it is for the eye alone.
function withBar(element, share) {
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.ariaHidden = "true";
  bar.style.setProperty("--share", `${(share * 100).toFixed(1)}%`);
  element.append(bar);
  return element;
}

function scoreCell(score) {
  // As shown, so that the mark and the number do not contradict each other.
  const shown = Number(score.toFixed(1));
  const text = `${shown < 0 ? "−" : "+"}${Math.abs(shown).toFixed(1)}`;
  return cell(shown >= UNUSUAL_SCORE ? `▲ ${text}` : text, "number");
}

function showStatus() {
  const { status, updated, paused, layers, closedUntil } = state;
  const waiting = updated === undefined ? "Connecting…" : "Waiting for the first window";
  const parts = [closedUntil ? `Counted until ${moment(closedUntil)}` : waiting];
  if (layers.length > 0) parts.push(`${layers.join(" and ")} layer`);
  if (status?.lag > 0) parts.push(`${countFormat.format(status.lag)} messages to go`);
  if (updated !== undefined) {
    const seconds = Math.floor((performance.now() - updated) / 1000);
    parts.push(seconds < 1 ? "updated just now" : `updated ${duration(seconds)} ago`);
  }
  if (paused) parts.push("paused");
  const spans = parts.map((part) => {
    const span = document.createElement("span");
    span.textContent = part;
    return span;
  });
  byId("status").replaceChildren(...spans);
}

// Only changes are written, since whatever is written here is read aloud.
function showAlert(error) {
  const text = failureText(error, state.status?.not_ready);
  if (byId("alert").textContent !== text) byId("alert").textContent = text;
}

function failureText(error, notReady) {
  if (error === undefined) return notReady ? `Pulso has a problem: ${notReady}.` : "";
  // `fetch` reports a server that is gone, and its own time limit, by these two.
  const gone = error instanceof TypeError || error.name === "TimeoutError";
  const what = gone ? "The server does not answer." : `The server cannot answer: ${error.message}.`;
  return `${what} Trying again every ${REFRESH_MS / 1000} s.`;
}

function countryName(code) {
  try {
    const name = countryNames.of(code);
    return name ? `${name} (${code})` : code;
  } catch {
    // Not a region code at all.
    return code;
  }
}

function period(from, to) {
  return `${dayFormat.format(Date.parse(from))}, ${clock(from)}–${clock(to)} UTC`;
}

// The day is left out where it is that of the time beside it.
function moment(time, beside) {
  const day = dayFormat.format(Date.parse(time));
  const same = beside !== undefined && day === dayFormat.format(Date.parse(beside));
  return same ? `${clock(time)} UTC` : `${day}, ${clock(time)} UTC`;
}

function clock(time) {
  return clockFormat.format(Date.parse(time));
}

function duration(seconds) {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 7200) return `${Number((seconds / 60).toFixed(1))} min`;
  return `${Number((seconds / 3600).toFixed(1))} h`;
}

function togglePause() {
  state.paused = !state.paused;
  const button = byId("pause");
  button.ariaPressed = String(state.paused);
  showStatus();
  if (!state.paused) refresh();
}

byId("pause").hidden = false;
byId("pause").addEventListener("click", togglePause);
document.addEventListener("visibilitychange", refresh);
setInterval(showStatus, 1000);
refresh();
