// How far the stream is, how fresh the page is, and what is wrong.

import { byId, element } from "./elements.js";
import { count, duration, moment, words } from "./format.js";
import { get } from "./requests.js";

// A speed layer reports every ten seconds.
const SILENT_MS = 60_000;
const REPORTS_READ = 50;

// When the speed layer of a stream last reported, where it runs in another process or not at all.
export async function lastReport(stream, progress) {
  if (progress.lag !== null) return undefined;
  const { documents } = await get("health", { limit: REPORTS_READ });
  return documents.find((report) => report.stream === stream.name)?.["@timestamp"] ?? null;
}

// Why there is nothing to show yet.
export function whyEmpty(stream, { window }, report) {
  const many = words(stream.fact.many);
  if (report === null) return `No data yet: no speed layer has read ${many} here.`;
  if (silent(report)) return `No closed window, and ${silence(report)}.`;
  const wait = duration(window.slide_seconds + window.max_out_of_orderness_seconds);
  return `No closed window yet: the first appears about ${wait} after the first `
    + `${words(stream.fact.one)}.`;
}

function silent(report) {
  return typeof report === "string" && Date.now() - Date.parse(report) > SILENT_MS;
}

function silence(report) {
  return `the speed layer is not running: it last reported on ${moment(report)}`;
}

export function showStatus({ updated, progress, report, layers, paused }) {
  const waiting = updated === undefined ? "Connecting…" : "Waiting for the first window";
  const until = progress?.closed_until;
  const parts = [until ? `Counted until ${moment(until)}` : waiting];
  if (layers.length > 0) parts.push(`${layers.join(" and ")} layer`);
  if (progress?.lag > 0) parts.push(`${count(progress.lag)} messages to go`);
  if (until && silent(report)) parts.push(silence(report));
  if (updated !== undefined) {
    const seconds = Math.floor((performance.now() - updated) / 1000);
    parts.push(seconds < 1 ? "updated just now" : `updated ${duration(seconds)} ago`);
  }
  if (paused) parts.push("paused");
  byId("status").replaceChildren(...parts.map((part) => element("span", { textContent: part })));
}

// Only changes are written, since whatever is written here is read aloud.
export function showAlert(error, notReady, retrySeconds) {
  const text = failureText(error, notReady, retrySeconds);
  if (byId("alert").textContent !== text) byId("alert").textContent = text;
}

function failureText(error, notReady, retrySeconds) {
  if (error === undefined) return notReady ? `Pulso has a problem: ${notReady}.` : "";
  // `fetch` reports a server that is gone, and its own time limit, by these two.
  const gone = error instanceof TypeError || error.name === "TimeoutError";
  const what = gone ? "The server does not answer." : `The server cannot answer: ${error.message}.`;
  return `${what} Trying again every ${retrySeconds} s.`;
}
