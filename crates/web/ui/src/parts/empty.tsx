// What is shown where there is nothing else: each says why, and what to do.

import "./empty.css";

import type { ComponentChildren } from "preact";

import type { Stream } from "../api.ts";
import { useApp } from "../app.ts";
import { duration, words } from "../format.ts";
import { go, href, theRoute } from "../route.ts";
import { Link } from "./link.tsx";

// `nested` where the page has a title of its own.
export function Empty({ title, nested = false, children }: {
  title: string;
  nested?: boolean;
  children?: ComponentChildren;
}) {
  const Heading = nested ? "h2" : "h1";
  return (
    <div class="empty prose card">
      <Heading>{title}</Heading>
      {children}
    </div>
  );
}

export function Waiting() {
  return <p class="waiting" role="status">Connecting…</p>;
}

export function Loading() {
  return <p class="waiting">Loading…</p>;
}

export function NoServer({ text }: { text: string }) {
  return (
    <main class="alone">
      <Empty title={`${text}.`}>
        <p role="alert">Is <code>pulso</code> still running? The page tries again every two seconds.</p>
      </Empty>
    </main>
  );
}

export function NoStream({ name, streams }: { name: string | undefined; streams: Stream[] }) {
  const route = theRoute();
  return (
    <main class="alone">
      <Empty title={name === undefined ? "No stream is served here." : `No stream “${name}” is served here.`}>
        {streams.length === 0
          ? <p>Name one in the configuration, under <code>streams</code>, or start with <code>--stream NAME</code>.</p>
          : (
            <p>
              There {streams.length === 1 ? "is" : "are"}{" "}
              {streams.map((stream, index) => {
                const change = { ...route, stream: stream.name, filters: [] };
                return (
                  <>
                    {index > 0 && ", "}
                    <a href={href(change)} onClick={(event) => { event.preventDefault(); go(change); }}>{stream.title}</a>
                  </>
                );
              })}.
            </p>
          )}
      </Empty>
    </main>
  );
}

// Why a stream has nothing to show yet.
export function NothingYet() {
  const { stream, progress } = useApp();
  if (progress === undefined) return <p class="waiting">Loading…</p>;
  const { slide_seconds, max_out_of_orderness_seconds } = progress.window;
  const wait = duration(slide_seconds + max_out_of_orderness_seconds);
  return (
    <Empty title={`No ${words(stream.fact.many)} are counted yet.`}>
      <p>
        The first figures appear about {wait} after the first {words(stream.fact.one)}. Whether messages arrive is on
        the page <Link to={{ page: "pipeline", own: {} }}>Pipeline</Link>.
      </p>
      <p>
        Without a source, try <code>pulso demo --stream {stream.name}</code>, or play a recording with{" "}
        <code>pulso replay FILE --stream {stream.name}</code>.
      </p>
    </Empty>
  );
}
