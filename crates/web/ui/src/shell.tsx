// The frame of every page: what is shown, where else one can go, and how far counting is.

import "./shell.css";

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import * as api from "./api.ts";
import { useApp } from "./app.ts";
import { batchViews, viewTitle } from "./descriptor.ts";
import { heading, period } from "./format.ts";
import { Help, useKeys } from "./keys.tsx";
import { AddFilter } from "./parts/add-filter.tsx";
import { Chips, ChooseZone, ThemeButton } from "./parts/controls.tsx";
import { Link } from "./parts/link.tsx";
import { RANGES } from "./range.ts";
import { type Page, LIVE, go, toPage } from "./route.ts";
import { Notices, StatusLine } from "./status.tsx";

export function Shell({ children }: { children: ComponentChildren }) {
  const [help, setHelp] = useState(false);
  useKeys(() => setHelp(true));
  useTitle();
  return (
    <div class="shell">
      <a class="skip" href="#page">Skip to the page</a>
      <header class="bar">
        <Link to={{ ...toPage("overview"), filters: [] }} class="brand" label="Pulso: overview">
          <img src="/icon.svg" alt="" width="24" height="24" />
          <span>Pulso</span>
        </Link>
        <ChooseStream />
        <Ranges />
        <div class="chips">
          <Chips />
          <AddFilter />
        </div>
        <div class="bar-end">
          <StatusLine />
          <ChooseZone />
          <ThemeButton />
          <LogOut />
          <button class="button quiet icon" aria-label="Help and keys" title="Help and keys (?)" onClick={() => setHelp(true)}>?</button>
        </div>
      </header>
      <Nav />
      <main class="page" id="page" tabIndex={-1}>
        <Notices />
        {children}
      </main>
      {help && <Help close={() => setHelp(false)} />}
    </div>
  );
}

function useTitle(): void {
  const { route, stream } = useApp();
  const what = route.view ?? route.page;
  document.title = `${heading(what)} · ${stream.title} · Pulso`;
}

function ChooseStream() {
  const { streams, stream } = useApp();
  const choose = (name: string) => go({ stream: name, filters: [], own: {}, range: LIVE, ...keptPage() });
  if (streams.length === 1) return <span class="only-stream">{stream.title}</span>;
  return (
    <select
      class="field stream"
      aria-label="Stream"
      value={stream.name}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {streams.map(({ name, title }) => <option key={name} value={name}>{title}</option>)}
    </select>
  );
}

// Another stream has other views, but the same pages.
function keptPage(): { page?: Page; view?: undefined } {
  return location.pathname.startsWith("/views/") ? { page: "overview", view: undefined } : {};
}

function Ranges() {
  const { route, span } = useApp();
  const custom = typeof route.range === "object";
  return (
    <nav class="ranges" aria-label="Range of time">
      {RANGES.map(({ name, title, key }) => (
        <Link
          key={name}
          to={{ range: name }}
          class="range"
          title={`${name === LIVE ? "The last window" : `The last ${title}`} (${key})`}
          current={route.range === name ? "true" : undefined}
        >
          {title}
        </Link>
      ))}
      {custom && span && (
        <Link to={{}} class="range" current="true">{period(span.from, span.to)}</Link>
      )}
    </nav>
  );
}

function LogOut() {
  const { session } = useApp();
  if (!session.login) return null;
  // The next question to the server then shows the login.
  const logOut = () => void api.logOut().then(() => api.status()).catch(() => {});
  const may = session.role === "write" ? "may look and change" : "may look";
  return (
    <>
      <span class="who" title={`${session.name} ${may}`}>{session.name}</span>
      <button class="button quiet" onClick={logOut}>Log out</button>
    </>
  );
}

function Nav() {
  const { route, stream, views } = useApp();
  const nav = useRef<HTMLElement>(null);
  // On a phone the list is one line: what is shown must be in sight.
  useEffect(() => {
    const current = nav.current?.querySelector<HTMLElement>("[aria-current]");
    const list = nav.current;
    if (current && list) list.scrollLeft = current.offsetLeft - list.clientWidth / 3;
  }, [route.page, route.view]);
  const item = (page: Page, title: string, view?: string) => (
    <li key={view ?? page}>
      <Link
        to={toPage(page, view)}
        class="nav-item"
        current={route.page === page && route.view === view ? "page" : undefined}
      >
        {title}
      </Link>
    </li>
  );
  return (
    <nav class="nav" aria-label="Pages" ref={nav}>
      <ul>
        {item("overview", "Overview")}
        {stream.facets.length > 0 && item("trends", "Trends")}
        {(stream.place || stream.scope?.values === "country") && item("map", "Map")}
        {item("facts", heading(stream.fact.many))}
        {stream.sessions.length > 0 && item("sessions", "Sessions")}
        {stream.organiser && item("organiser", "Organiser")}
      </ul>
      <ul>
        {batchViews(views, stream).map((view) => item("views", viewTitle(view), view.name))}
      </ul>
      <ul>
        {item("pipeline", "Pipeline")}
        {item("streams", "Streams")}
      </ul>
    </nav>
  );
}
