// How far counting is, and what is wrong. Everything is said plainly: old data, a connection that is
// gone, a layer that is behind.

import "./status.css";

import { useEffect, useState } from "preact/hooks";

import type { Progress } from "./api.ts";
import { type App, useApp } from "./app.ts";
import { useBatchUntil } from "./batch-until.ts";
import { ago, calendarDay, count, instant, moment, words } from "./format.ts";
import { Link } from "./parts/link.tsx";
import { toPage } from "./route.ts";

// A window's end is known this much later at the latest when all goes well.
const OLD_SECONDS = 60;
const HOUR_MS = 3_600_000;
// From the start of the last completed day on: that day, the next, and some hours to compute it.
const BATCH_WAIT_MS = 54 * HOUR_MS;

export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function StatusLine() {
  const { live, progress } = useApp();
  const now = useNow();
  const until = progress?.closed_until;
  if (live.problem !== undefined) {
    return <span class="status bad"><i class="dot" />Not connected</span>;
  }
  if (progress === undefined) return <span class="status">Connecting…</span>;
  if (until === null || until === undefined) return <span class="status"><i class="dot idle" />Nothing counted yet</span>;
  const age = (now - Date.parse(until)) / 1000;
  const old = age > OLD_SECONDS + progress.window.slide_seconds;
  return (
    <span class={`status ${old ? "old-data" : ""}`} title={`All windows until ${instant(until)} are counted`}>
      <i class={old ? "dot idle" : "dot"} />
      <span class="status-long">Counted until </span>{moment(until, now)}
      <span class="status-long status-age"> · {ago(Math.max(0, age))}</span>
    </span>
  );
}

// What is wrong, in the order of how much it matters.
export function Notices() {
  const app = useApp();
  const now = useNow(5000);
  const completed = useBatchUntil();
  const notices = [...problems(app, now), ...batchBehind(app, completed, now)];
  const shown = (urgent: boolean) => notices.filter(({ kind }) => (kind !== "ended") === urgent).map(({ text, kind }) => (
    <p key={text} class={`notice ${kind}`}>
      <span>{text}</span>
      {kind === "behind" && <Link to={toPage("pipeline")}>See the pipeline</Link>}
    </p>
  ));
  // Only what is wrong is read aloud when it changes.
  return (
    <>
      <div role="status">{shown(true)}</div>
      {shown(false)}
    </>
  );
}

interface Notice {
  text: string;
  kind: "bad" | "behind" | "ended";
}

function problems({ live, progress, stream }: App, now: number): Notice[] {
  const found: Notice[] = [];
  if (live.problem !== undefined) {
    const { text, since } = live.problem;
    const shown = "What you see is from before; the page goes on by itself when it answers again.";
    found.push({ kind: "bad", text: `${text} since ${moment(since, now)}. ${shown}` });
  }
  const detail = live.unavailable ?? live.status?.not_ready ?? undefined;
  if (detail !== undefined) found.push({ kind: "bad", text: `Pulso has a problem: ${detail}.` });
  if (progress?.closed_until) found.push(...behind(progress, progress.closed_until, now, words(stream.fact.many)));
  return found;
}

// The batch layer completes a day some hours after its end.
function batchBehind({ progress }: App, completed: string | undefined, now: number): Notice[] {
  const until = progress?.closed_until;
  if (completed === undefined || !until || now - Date.parse(until) > HOUR_MS) return [];
  if (now - Date.parse(completed) < BATCH_WAIT_MS) return [];
  const text = `The batch layer is behind: the last day that it has completed is ${calendarDay(completed)}. `
    + "Later days are as the speed layer counted them, without late messages.";
  return [{ kind: "behind", text }];
}

function behind({ lag, window }: Progress, until: string, now: number, facts: string): Notice[] {
  const age = (now - Date.parse(until)) / 1000;
  if (lag !== null && lag > 0 && age > OLD_SECONDS + window.slide_seconds) {
    return [{
      kind: "behind",
      text: `The speed layer is catching up: ${count(lag)} messages to read, counted until ${instant(until)}.`,
    }];
  }
  if (age < OLD_SECONDS + window.slide_seconds) return [];
  const old = `These ${facts} end on ${instant(until)}, ${ago(age)}.`;
  const what = "“Live” shows their last window, and ranges end there.";
  return [{ kind: "ended", text: `${old} ${what}` }];
}
