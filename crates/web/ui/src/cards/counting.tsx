// How well counting goes: what is behind, late or stale.

import "./counting.css";

import type { ComponentChildren } from "preact";

import * as api from "../api.ts";
import { useApp } from "../app.ts";
import { useBatchUntil } from "../batch-until.ts";
import { calendarDay, count, duration, moment } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Link } from "../parts/link.tsx";
import { type Answer, LAST, useQuery } from "../query.ts";
import { toPage } from "../route.ts";
import { useNow } from "../status.tsx";

// About an hour: the speed layer reports every ten seconds.
const REPORTS = 360;
const SILENT_SECONDS = 60;

export interface Report {
  time: number;
  received: number;
  counted: number;
  echoes: number;
  late: number;
  skipped: number;
  dead_letters: number;
  messages: number;
  lag: number;
  watermark_delay_seconds: number | undefined;
}

// The newest reports of the stream's speed layer, the newest first.
export function useReports(): Answer<Report[]> {
  const { stream, streams, live } = useApp();
  return useQuery(`reports ${stream.name}`, async (signal) => {
    const most = Math.min(REPORTS * streams.length, 3000);
    const { documents } = await api.allDocuments("health", {}, most, signal);
    return documents.filter((document) => document["stream"] === stream.name).map((document) => ({
      ...(document as unknown as Report),
      time: Date.parse(document["@timestamp"]),
    }));
  }, live.news, LAST);
}

export function Counting() {
  const { progress } = useApp();
  const reports = useReports();
  const until = useBatchUntil();
  const now = useNow(5000);
  const newest = reports.data?.[0];
  const oldest = reports.data?.at(-1);
  const sum = (field: "late" | "dead_letters" | "echoes") => (reports.data ?? []).reduce((total, report) => total + report[field], 0);
  const silent = newest !== undefined && (now - newest.time) / 1000 > SILENT_SECONDS;
  const over = newest && oldest ? `in the last ${duration(Math.max(10, (newest.time - oldest.time) / 1000))}` : "";
  return (
    <Card title="Counting" note={silent ? `last report ${moment(newest.time, now)}` : over} answers={[reports]} class="overview-wide" end={<Link to={toPage("pipeline")} class="card-more">Pipeline</Link>}>
      {newest === undefined && reports.data !== undefined && (
        <p class="card-empty">No speed layer has reported on this stream yet.</p>
      )}
      {newest && (
        <dl class="counting">
          <Item title="Speed layer">{silent ? "not running" : newest.lag > 0 ? `${count(newest.lag)} behind` : "caught up"}</Item>
          <Item title="Watermark delay" bad={!silent && (newest.watermark_delay_seconds ?? 0) > SILENT_SECONDS}>
            {silent || newest.watermark_delay_seconds === undefined ? "–" : duration(newest.watermark_delay_seconds)}
          </Item>
          <Item title="Late">{count(sum("late"))}</Item>
          <Item title="Dead letters" bad={false}>{count(sum("dead_letters"))}</Item>
          <Item title="Echoes">{count(sum("echoes"))}</Item>
          <Item title="Batch layer">{until === undefined ? "no day completed yet" : `until ${calendarDay(until)}`}</Item>
          {progress?.closed_until && <Item title="Counted until">{moment(progress.closed_until, now)}</Item>}
        </dl>
      )}
    </Card>
  );
}

function Item({ title, bad = false, children }: { title: string; bad?: boolean; children: ComponentChildren }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd class={bad ? "bad" : ""}>{children}</dd>
    </div>
  );
}
