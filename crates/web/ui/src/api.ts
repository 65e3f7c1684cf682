// The API, and nothing but it: what it answers, and how to ask. Every page asks through here.

export interface Session {
  // Whether people log in here.
  login: boolean;
  name: string | null;
  role: "read" | "write" | null;
}

export interface Words {
  one: string;
  many: string;
}

export interface Scope {
  name: string;
  values: string;
}

export interface Facet {
  term: Words;
  counts: "facts" | "actors";
  view: string;
  by_scope_view: string | null;
}

// Facts of one key that are close together.
export interface Sessions {
  view: string;
  by: string[];
  gap_seconds: number;
  // Of the first and the last fact.
  facets: { term: Words; first: string; last: string }[];
  columns: string[];
}

export interface Stream {
  name: string;
  title: string;
  about: string;
  fact: Words;
  kind: { name: string; values: string[] };
  scope: Scope | null;
  sums: string[];
  place: boolean;
  facets: Facet[];
  sessions: Sessions[];
  activity_view: string;
  facts_view: { name: string; shown: boolean };
  organiser: boolean;
}

export interface Field {
  name: string;
  type: string;
  functions?: string[];
  group?: boolean;
  filter?: boolean;
}

export interface View {
  name: string;
  title: string;
  stream: string | null;
  href: string;
  kind: string;
  parameters: string[];
  fields: Field[];
}

export interface Progress {
  name: string;
  closed_until: string | null;
  lag: number | null;
  window: {
    size_seconds: number;
    slide_seconds: number;
    max_out_of_orderness_seconds: number;
    count_above: number;
  };
}

export interface Status {
  not_ready: string | null;
  page_limit_max: number;
  streams: Progress[];
}

export type Document = Record<string, unknown> & { _id: string; layer: string; "@timestamp": string };

export interface DocumentPage {
  view: string;
  documents: Document[];
  next_cursor: string | null;
  notice?: string;
  as_of?: string | null;
  batch_until?: string | null;
}

export interface SeriesQuery {
  view: string;
  field?: string | undefined;
  by?: string | undefined;
  from?: string;
  to?: string;
  interval?: number;
  limit?: number;
  // Fields that each group has beside its value.
  with?: string[];
  // A text, or one of several.
  where?: Record<string, string | string[]>;
}

export type With = Record<string, string | number | null>;

export interface SeriesGroup {
  name: string;
  value: number | null;
  values: (number | null)[];
  with?: With;
}

export interface Series {
  start: string;
  interval_seconds: number;
  buckets: number;
  total: { value: number | null; values: (number | null)[] };
  groups: SeriesGroup[];
  more: boolean;
  as_of?: string | null;
  batch_until?: string | null;
}

// A message as it is in the log.
export interface Message {
  partition: number;
  offset: number;
  source: string;
  received: string;
  logged: string;
  payload?: string;
  payload_hex?: string;
}

// Where messages come from, as far as the newest ones tell.
export interface Source {
  name: string;
  messages: number;
  last_received: string | null;
  // What acquisition said last; null where it keeps its data elsewhere.
  state: SourceState | null;
}

export interface SourceState {
  paused_since: string | null;
  read: number;
  filtered: number;
  sampled_out: number;
  filter_errors: number;
}

// What became of a message on trial.
export interface Outcome {
  outcome: "fact" | "skipped" | "dead_letter";
  reason?: string;
  detail?: string;
  fact?: Record<string, unknown>;
}

export interface Top {
  total: number | null;
  groups: { name: string; value: number; with?: With }[];
  more: boolean;
}

export const API = "/api/v1";

export const ANSWER_MS_MAX = 15_000;

const SESSION = `${API}/session`;

// The server said no, and why.
export class Refused extends Error {
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

// Nobody answered.
export class Unreachable extends Error {}

type Parameters = Record<string, string | string[] | number | undefined>;

export function url(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) for (const one of [value].flat()) query.append(name, String(one));
  }
  const text = query.toString().replaceAll("%3A", ":");
  return text === "" ? `${API}/${path}` : `${API}/${path}?${text}`;
}

// Told when an answer says that nobody is logged in any more.
let loggedOut = () => {};

export function onLoggedOut(listener: () => void): void {
  loggedOut = listener;
}

const get = <T>(address: string, signal?: AbortSignal): Promise<T> => ask(address, {}, signal);

async function ask<T>(address: string, request: RequestInit, signal?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(ANSWER_MS_MAX);
  let response: Response;
  let body;
  try {
    response = await fetch(address, { ...request, signal: signal ? AbortSignal.any([signal, limit]) : limit });
    body = await response.json();
  } catch {
    throw new Unreachable("The server does not answer");
  }
  if (response.status === 401 && address !== SESSION) loggedOut();
  if (!response.ok) throw new Refused(response.status, body.detail ?? body.title ?? "no reason given");
  return body as T;
}

export const session = (): Promise<Session> => get(SESSION);

export const logIn = (name: string, password: string): Promise<Session> => ask(SESSION, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ name, password }),
});

export const logOut = (): Promise<Session> => ask(SESSION, { method: "DELETE" });

export const streams = async (): Promise<Stream[]> =>
  (await get<{ streams: Stream[] }>(url("streams"))).streams;

export const views = async (): Promise<View[]> => (await get<{ views: View[] }>(url("views"))).views;

export const status = (signal?: AbortSignal): Promise<Status> => get(url("status"), signal);

// The days that the batch layer has completed, by view.
export type Layers = Record<string, string[]>;

export const layers = (signal?: AbortSignal): Promise<Layers> => get(url("layers"), signal);

export const documents = (view: string, parameters: Parameters, signal?: AbortSignal): Promise<DocumentPage> =>
  get(url(view, parameters), signal);

// All documents up to a number, from as many pages as it takes.
export async function allDocuments(
  view: string,
  parameters: Parameters,
  most: number,
  signal?: AbortSignal,
): Promise<{ documents: Document[]; more: boolean; page: DocumentPage }> {
  const found: Document[] = [];
  let page: DocumentPage | undefined;
  do {
    const cursor = page?.next_cursor ?? undefined;
    page = await documents(view, { ...parameters, cursor, limit: Math.min(most - found.length, 5000) }, signal);
    found.push(...page.documents);
  } while (page.next_cursor !== null && found.length < most);
  return { documents: found, more: page.next_cursor !== null, page };
}

function seriesParameters({ where, ...query }: SeriesQuery): Parameters {
  return { ...query, ...where };
}

export const seriesUrl = (query: SeriesQuery): string => url("series", seriesParameters(query));

export const topUrl = (query: SeriesQuery): string => url("top", seriesParameters(query));

export const series = (query: SeriesQuery, signal?: AbortSignal): Promise<Series> =>
  get(seriesUrl(query), signal);

export const top = (query: SeriesQuery, signal?: AbortSignal): Promise<Top> => get(topUrl(query), signal);

const ofStream = (stream: string, what: string): string => `streams/${encodeURIComponent(stream)}/${what}`;

export const message = (
  stream: string,
  fact: string,
  signal?: AbortSignal,
): Promise<Message> => get(url(ofStream(stream, "message"), { fact }), signal);

export const sources = (stream: string, signal?: AbortSignal): Promise<{ searched: number; sources: Source[] }> =>
  get(url(ofStream(stream, "sources")), signal);

// Pauses a source, or lets it go on; acquisition does so within a second.
export const switchSource = (source: string, to: "pause" | "resume"): Promise<unknown> =>
  ask(url(`sources/${encodeURIComponent(source)}/${to}`), { method: "POST" });

// Decodes a message, and changes nothing.
export const tryMessage = (stream: string, text: string): Promise<Outcome> => ask(url(ofStream(stream, "try")), {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ message: text }),
});

export const liveUrl = (stream: string): string => url(ofStream(stream, "live"));
