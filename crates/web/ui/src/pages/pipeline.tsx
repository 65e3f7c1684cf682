// What becomes of the messages: how many, how far behind, what could not be read, what came late, and
// what the batch layer does.

import "./pipeline.css";

import { useState } from "preact/hooks";

import type { Document } from "../api.ts";
import * as api from "../api.ts";
import { type App, useApp, viewOf } from "../app.ts";
import { useBatchUntil } from "../batch-until.ts";
import { type Report, useReports } from "../cards/counting.tsx";
import { scopeName } from "../descriptor.ts";
import { calendarDay, count, duration, heading, moment, rate, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Chart } from "../parts/chart.tsx";
import { Copy } from "../parts/copy.tsx";
import { Empty } from "../parts/empty.tsx";
import { Payload } from "../parts/payload.tsx";
import { type Column, Search, Table, matches } from "../parts/table.tsx";
import { type Answer, useQuery } from "../query.ts";
import { useNow } from "../status.tsx";

const JOURNAL = 400;
const SILENT_SECONDS = 60;
const RECENT = 6;

export function Pipeline() {
  const app = useApp();
  const reports = useReports();
  return (
    <>
      <header class="page-head">
        <h1>Pipeline</h1>
        <div class="page-end"><Search label="Search dead letters" /></div>
      </header>
      {reports.data?.length === 0 && (
        <Empty title="The speed layer has not reported on this stream yet." nested>
          <p>It reports every ten seconds while it runs. Is it running? <code>pulso demo</code> runs all layers at once.</p>
        </Empty>
      )}
      <div class="pipeline">
        {reports.data === undefined && <Reserved />}
        {reports.data && reports.data.length > 0 && <Health app={app} reports={reports.data} />}
        {reports.data && reports.data.length > 1 && <Rates reports={reports} />}
        {reports.data && reports.data.length > 1 && <Delays reports={reports} />}
        <DeadLetters app={app} />
        <div class="pipeline-below">
          <LateFacts app={app} />
          <BatchRuns app={app} />
        </div>
      </div>
    </>
  );
}

// The room of the figures, which come at once in most cases.
function Reserved() {
  return <p class="pipeline-health pipeline-reserved waiting">Loading…</p>;
}

// Reports come about every ten seconds, so a rate needs the time between two.
function rates(reports: Report[]): { time: number; seconds: number; report: Report }[] {
  return reports.slice(0, -1).map((report, index) => ({
    time: report.time,
    seconds: Math.max(1, (report.time - reports[index + 1]!.time) / 1000),
    report,
  })).reverse();
}

function Health({ app, reports }: { app: App; reports: Report[] }) {
  const now = useNow(5000);
  const until = useBatchUntil();
  const newest = reports[0]!;
  const recent = rates(reports.slice(0, RECENT + 1));
  const seconds = recent.reduce((sum, { seconds: between }) => sum + between, 0);
  const received = recent.reduce((sum, { report }) => sum + report.received, 0);
  const silent = (now - newest.time) / 1000 > SILENT_SECONDS;
  const delay = newest.watermark_delay_seconds;
  const figures: { title: string; number: string; more: string; bad?: boolean }[] = [
    {
      title: "Speed layer",
      number: silent ? "silent" : newest.lag > 0 ? "behind" : "caught up",
      more: `last report ${moment(newest.time, now)}`,
      bad: silent || newest.lag > 0,
    },
    { title: "Messages", number: silent || seconds === 0 ? "–" : rate(received / seconds), more: "per second" },
    { title: "Lag", number: count(newest.lag), more: "messages not read yet" },
    { title: "Watermark", number: silent || delay === undefined ? "–" : duration(delay), more: "behind the clock" },
    { title: "Read in all", number: count(newest.messages), more: "messages" },
    { title: "Batch layer", number: until === undefined ? "–" : calendarDay(until), more: until === undefined ? "no day completed yet" : "last completed day" },
  ];
  return (
    <section class="pipeline-health" aria-label="Health">
      {figures.map(({ title, number, more, bad }) => (
        <div key={title} class="pipeline-figure">
          <h2>{title}</h2>
          <b class={bad ? "warm" : ""}>{number}</b>
          <span>{more}</span>
        </div>
      ))}
      {app.live.status?.not_ready && <p class="failure">Pulso has a problem: {app.live.status.not_ready}.</p>}
    </section>
  );
}

const OUTCOMES = [
  { name: "counted", colour: "kind-0" },
  { name: "echoes", colour: "kind-2" },
  { name: "skipped", colour: "kind-7" },
  { name: "late", colour: "kind-3" },
  { name: "dead_letters", colour: "kind-4" },
] as const;

function Rates({ reports }: { reports: Answer<Report[]> }) {
  const points = rates(reports.data!);
  return (
    <Card
      title="What became of the messages"
      note="per second"
      answers={[reports]}
      end={
        <Copy
          call={api.url("health")}
          name="health"
          csv={() => ({
            head: ["time", "received", ...OUTCOMES.map(({ name }) => name), "lag", "watermark_delay_seconds"],
            rows: reports.data!.map((report) => [
              new Date(report.time).toISOString(), report.received, ...OUTCOMES.map(({ name }) => report[name]), report.lag,
              report.watermark_delay_seconds,
            ]),
          })}
        />
      }
    >
      <Chart
        label="Messages per second, by what became of them"
        kind="lines"
        times={points.map(({ time }) => time)}
        stepSeconds={1}
        drag={false}
        lines={OUTCOMES.map(({ name, colour }) => ({
          name: words(name), colour, values: points.map(({ report, seconds }) => Number((report[name] / seconds).toFixed(2))),
        }))}
      />
    </Card>
  );
}

// Messages and seconds are two scales.
function Delays({ reports }: { reports: Answer<Report[]> }) {
  const points = [...reports.data!].reverse();
  const line = (label: string, colour: string, values: (number | null)[]) => (
    <Chart
      label={label}
      kind="lines"
      height={92}
      times={points.map(({ time }) => time)}
      stepSeconds={1}
      drag={false}
      lines={[{ name: label, colour, values }]}
    />
  );
  return (
    <Card title="Lag and delay" answers={[reports]}>
      {line("messages not read yet", "kind-0", points.map(({ lag }) => lag))}
      {line("seconds that the watermark is behind the clock", "warm", points.map(({ watermark_delay_seconds: delay }) => delay ?? null))}
    </Card>
  );
}

// Journals have the documents of all streams.
function useJournal(app: App, view: string): Answer<Document[]> {
  const { stream, streams, live } = app;
  return useQuery(`journal ${view} ${stream.name}`, async (signal) => {
    const { documents } = await api.allDocuments(view, {}, JOURNAL * streams.length, signal);
    return documents.filter((document) => document["stream"] === stream.name);
  }, live.news + live.batchNews);
}

function DeadLetters({ app }: { app: App }) {
  const { route } = app;
  const answer = useJournal(app, "dead-letters");
  const [reason, setReason] = useState<string>();
  const [open, setOpen] = useState<string>();
  const text = (document: Document, name: string) => String(document[name] ?? "");
  const all = answer.data ?? [];
  // Nothing lists a field that is left out of the documents.
  const told = viewOf(app, "dead-letters")?.fields.some(({ name }) => name === "payload") ?? false;
  const ifTold = told ? ["detail", "payload"] : [];
  const reasons = new Map<string, number>();
  for (const document of all) reasons.set(text(document, "reason"), (reasons.get(text(document, "reason")) ?? 0) + 1);
  const shown = all.filter((document) => (reason === undefined || document["reason"] === reason)
    && matches(route.own["q"], ["reason", "source", ...ifTold].map((name) => text(document, name))));
  const columns: Column<Document>[] = [
    { name: "time", title: "Arrived", value: (document) => document["@timestamp"], cell: (document) => moment(document["@timestamp"]) },
    { name: "reason", title: "Reason", value: (document) => text(document, "reason"), cell: (document) => <span class="pipeline-reason">{words(text(document, "reason"))}</span> },
    ...(told ? [{
      name: "detail", title: "Detail", wide: true,
      value: (document: Document) => text(document, "detail"), cell: (document: Document) => <Quoted text={text(document, "detail")} />,
    }] : []),
    { name: "offset", title: "Partition, offset", cell: (document) => <code>{text(document, "partition")}, {text(document, "offset")}</code> },
    ...(told ? [{
      name: "open",
      title: "Payload",
      untitled: true,
      cell: ({ _id }: Document) => (
        <button class="tab" aria-expanded={open === _id} onClick={() => setOpen(open === _id ? undefined : _id)}>Payload</button>
      ),
    }] : []),
  ];
  return (
    <Card
      title="Dead letters"
      note={answer.data && (all.length === 0 ? "none" : `the newest ${count(all.length)}`)}
      answers={[answer]}
      class="pipeline-wide"
      end={
        <>
          {[...reasons].sort(([, a], [, b]) => b - a).map(([name, number]) => (
            <button key={name} class="tab" aria-pressed={reason === name} onClick={() => setReason(reason === name ? undefined : name)}>
              {words(name)} {count(number)}
            </button>
          ))}
          <Copy
            call={api.url("dead-letters")}
            name="dead-letters"
            csv={() => ({
              head: ["time", "partition", "offset", "reason", ...ifTold],
              rows: shown.map((document) => ["@timestamp", "partition", "offset", "reason", ...ifTold].map((name) => text(document, name))),
            })}
          />
        </>
      }
      foot={!told && all.length > 0 && (
        <>
          What was wrong with each and its payload are hidden, as they may say who somebody is:{" "}
          <code>privacy.show_members</code> in the configuration says where they are shown.
        </>
      )}
    >
      {answer.data === undefined ? <p class="waiting">Loading…</p> : (
        <Table
          label="Dead letters"
          columns={columns}
          rows={shown}
          keyOf={({ _id }) => _id}
          atOnce={10}
          below={(document) => document._id === open && <Payload text={text(document, "payload") || text(document, "payload_hex")} />}
          empty={all.length === 0
            ? "There are none. A message that cannot be read is kept here with its payload, and stops nothing."
            : "No dead letter matches. Clear the search or the reason."}
        />
      )}
    </Card>
  );
}

// Names of fields and values are in backticks.
function Quoted({ text }: { text: string }) {
  return <>{text.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part))}</>;
}

function LateFacts({ app }: { app: App }) {
  const { stream } = app;
  const answer = useJournal(app, "late-facts");
  const rows = answer.data ?? [];
  const columns: Column<Document>[] = [
    { name: "time", title: "Event time", value: (document) => document["@timestamp"], cell: (document) => moment(document["@timestamp"]) },
    ...(stream.scope ? [{
      name: "scope", title: heading(stream.scope.name), value: (document: Document) => String(document["scope"] ?? ""),
      cell: (document: Document) => (document["scope"] === undefined ? "–" : scopeName(stream.scope!, String(document["scope"]))),
    }] : []),
    {
      name: "offset", title: "Partition, offset",
      cell: (document) => <code>{String(document["partition"])}, {String(document["offset"])}</code>,
    },
  ];
  return (
    <Card
      title={`Late ${words(stream.fact.many)}`}
      note={answer.data && (rows.length === 0 ? "none" : `the newest ${count(rows.length)}`)}
      answers={[answer]}
      foot={rows.length > 0 ? "They came after their window had closed. Live views lack them; the batch layer counts them." : undefined}
    >
      {answer.data && <Table label={`Late ${words(stream.fact.many)}`} columns={columns} rows={rows} keyOf={({ _id }) => _id} empty="Nothing came late." atOnce={10} />}
    </Card>
  );
}

// The name of a comparison of both layers among the runs.
const VERIFY = "verify";

function BatchRuns({ app }: { app: App }) {
  const answer = useJournal(app, "batch-runs");
  const rows = answer.data ?? [];
  const verified = rows.find((document) => document["job"] === VERIFY);
  const text = (document: Document, name: string) => String(document[name] ?? "");
  const columns: Column<Document>[] = [
    { name: "job", title: "Job", value: (document) => text(document, "job"), cell: (document) => text(document, "job") },
    { name: "started", title: "Started", value: (document) => document["@timestamp"], cell: (document) => moment(document["@timestamp"]) },
    {
      name: "took", title: "Took", number: true,
      value: (document) => Date.parse(text(document, "ended")) - Date.parse(document["@timestamp"]),
      cell: (document) => duration((Date.parse(text(document, "ended")) - Date.parse(document["@timestamp"])) / 1000),
    },
    { name: "rows", title: "Rows", number: true, value: (document) => Number(document["rows"] ?? 0), cell: (document) => count(Number(document["rows"] ?? 0)) },
    {
      name: "outcome", title: "Outcome", value: (document) => text(document, "outcome"),
      cell: (document) => (
        <span class={text(document, "outcome") === "failed" ? "pipeline-failed" : ""} title={text(document, "error")}>
          {words(text(document, "outcome"))}
        </span>
      ),
    },
    { name: "completed", title: "Completed day", value: (document) => text(document, "completed_day"), cell: (document) => <time>{text(document, "completed_day") === "" ? "–" : calendarDay(text(document, "completed_day"))}</time> },
  ];
  return (
    <Card title="Batch runs" note={answer.data && rows.length > 0 ? `the newest ${count(rows.length)}` : undefined} answers={[answer]}>
      {answer.data && <Verified run={verified} />}
      {answer.data && (
        <Table
          label="Batch runs"
          columns={columns}
          rows={rows}
          keyOf={({ _id }) => _id}
          atOnce={10}
          empty="The batch layer has not run yet. In the demo it runs by itself; on servers, `pulso-batch schedule` runs it."
        />
      )}
    </Card>
  );
}


// Whether the layers agreed when they were last compared.
function Verified({ run }: { run: Document | undefined }) {
  if (run === undefined) {
    return <p class="pipeline-verified muted">Nobody has compared the layers yet: <code>pulso verify</code> does.</p>;
  }
  const when = moment(run["@timestamp"]);
  const compared = `${count(Number(run["rows"] ?? 0))} documents`;
  return run["outcome"] === "succeeded"
    ? <p class="pipeline-verified"><b>The layers agree.</b> Compared on {when}: {compared}, none of which differs.</p>
    : <p class="pipeline-verified"><b class="pipeline-failed">Not verified</b> on {when}: {String(run["error"] ?? "it did not end")}.</p>;
}
