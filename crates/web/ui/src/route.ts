// What is shown is in the URL, all of it: `/trends?stream=…&range=1h&where=country:US&zone=…`.
// Whoever opens the same URL sees the same, and back works.

import { useEffect, useState } from "preact/hooks";

export type Page = "overview" | "trends" | "map" | "facts" | "sessions" | "organiser" | "views" | "pipeline" | "streams";

export interface Filter {
  field: string;
  value: string;
}

export interface Route {
  page: Page;
  // Of the page `views`.
  view: string | undefined;
  stream: string | undefined;
  // The name of a range, or `from` and `to` in ms.
  range: string | { from: number; to: number };
  filters: Filter[];
  zone: string;
  // What else a page keeps: how it is sorted, what is searched for.
  own: Record<string, string>;
}

const PATHS: Record<string, Page> = {
  "/": "overview",
  "/trends": "trends",
  "/map": "map",
  "/facts": "facts",
  "/sessions": "sessions",
  "/organiser": "organiser",
  "/pipeline": "pipeline",
  "/streams": "streams",
};
const VIEWS = "/views/";
const SHARED = new Set(["stream", "range", "from", "to", "where", "zone"]);

export const LIVE = "live";

// A file on disk has no path and no query of its own: there, all of it is in the fragment.
let inFragment = false;

export function keepInFragment(): void {
  inFragment = true;
  current = parse(new URL(location.href));
  addEventListener("hashchange", () => set(parse(new URL(location.href))));
}

export function parse(url: URL): Route {
  const query = inFragment ? new URLSearchParams(url.hash.slice(1)) : url.searchParams;
  const [from, to] = [query.get("from"), query.get("to")].map((time) => Date.parse(time ?? ""));
  const custom = Number.isFinite(from) && Number.isFinite(to) && from! < to!;
  const filters = query.getAll("where").flatMap((text) => {
    const colon = text.indexOf(":");
    return colon > 0 ? [{ field: text.slice(0, colon), value: text.slice(colon + 1) }] : [];
  });
  const own = Object.fromEntries([...query].filter(([name]) => !SHARED.has(name)));
  const isView = url.pathname.startsWith(VIEWS);
  return {
    page: isView ? "views" : (PATHS[url.pathname] ?? "overview"),
    view: isView ? decodeURIComponent(url.pathname.slice(VIEWS.length)) : undefined,
    stream: query.get("stream") ?? undefined,
    range: custom ? { from: from!, to: to! } : (query.get("range") ?? LIVE),
    filters,
    zone: validZone(query.get("zone")),
    own,
  };
}

export function href(route: Route): string {
  const query = new URLSearchParams();
  if (route.stream !== undefined) query.set("stream", route.stream);
  if (typeof route.range === "object") {
    query.set("from", new Date(route.range.from).toISOString());
    query.set("to", new Date(route.range.to).toISOString());
  } else if (route.range !== LIVE) {
    query.set("range", route.range);
  }
  for (const { field, value } of route.filters) query.append("where", `${field}:${value}`);
  if (route.zone !== "UTC") query.set("zone", route.zone);
  for (const [name, value] of Object.entries(route.own)) if (value !== "") query.set(name, value);
  const path = route.page === "views"
    ? VIEWS + encodeURIComponent(route.view ?? "")
    : Object.keys(PATHS).find((known) => PATHS[known] === route.page)!;
  // Readable where the standard allows it.
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
  if (inFragment) return `#${text}`;
  return text === "" ? path : `${path}?${text}`;
}

function validZone(name: string | null): string {
  // Known without asking the browser for all zones, which takes it a moment.
  if (name === null || name === "UTC") return "UTC";
  try {
    // Throws where there is no such zone.
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return name;
  } catch {
    return "UTC";
  }
}

// --- Changes

let current = parse(new URL(location.href));
const listeners = new Set<() => void>();

function set(route: Route): void {
  current = route;
  for (const listener of listeners) listener();
}

addEventListener("popstate", () => set(parse(new URL(location.href))));

export const theRoute = (): Route => current;

export function useRoute(): Route {
  const [, redraw] = useState(0);
  useEffect(() => {
    const listener = () => redraw((times) => times + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return current;
}

// `replace` is for what goes on while somebody types or plays: back leads to before it.
export function go(change: Partial<Route>, how: "push" | "replace" = "push"): void {
  const route = { ...current, ...change };
  const url = href(route);
  if (url === (inFragment ? location.hash || "#" : location.pathname + location.search)) return;
  const otherPage = route.page !== current.page || route.view !== current.view;
  history[how === "push" ? "pushState" : "replaceState"](null, "", url);
  set(route);
  if (otherPage) scrollTo(0, 0);
}

export function setOwn(name: string, value: string, how: "push" | "replace" = "push"): void {
  go({ own: { ...current.own, [name]: value } }, how);
}

// Another page: what only the former page knows is left behind.
export const toPage = (page: Page, view?: string): Partial<Route> => ({ page, view, own: {} });

// --- Filters

export function has(filters: Filter[], field: string, value: string): boolean {
  return filters.some((filter) => filter.field === field && filter.value === value);
}

// A field has one value at a time; a click on the value that it has takes it away.
export function toggled(filters: Filter[], field: string, value: string): Filter[] {
  const others = filters.filter((filter) => filter.field !== field);
  return has(filters, field, value) ? others : [...others, { field, value }];
}

export function valueOf(route: Route, field: string | undefined): string | undefined {
  return route.filters.find((filter) => filter.field === field)?.value;
}
