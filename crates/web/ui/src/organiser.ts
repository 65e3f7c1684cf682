// What the organiser's desk answers, and how it is asked.

import { API, Refused, Unreachable, url } from "./api.ts";

export interface About {
  choice: { by: "group" | "topic"; name: string; from: "request" | "configuration" | "demo" } | null;
  relevant: string[];
  distance_km: number;
  as_of: string | null;
  since: string | null;
  responses: number;
  past_since: string | null;
  members_shown: boolean;
  can_contact: boolean;
  demo_seconds: number | null;
  recent_seconds: number;
  cooling_seconds: number;
  change_seconds: number;
}

export interface EventOf {
  id: string;
  name: string | null;
  url: string | null;
  time: string | null;
  group: string | null;
  city: string | null;
}

export interface OwnEvent extends EventOf {
  yes: number;
  no: number;
  change: number;
  contacts: number;
  conversions: number;
}

export interface Candidate {
  person: string;
  name: string;
  score: number;
  event: EventOf;
  said_yes_to: EventOf;
  said_at: string;
  km: number;
  topics: { topic: string; wanted: string; similarity: number }[];
  yes: number;
  kept: number;
}

export interface Contact {
  time: string;
  person: string;
  name: string;
  event: string;
  event_name: string | null;
  by: string;
  note: string;
  converted: string | null;
}

export interface Group {
  urlname: string;
  name: string | null;
  city: string | null;
  events: number;
  yes: number;
}

export interface Conversions {
  contacts: number;
  conversions: number;
  reasons: { reason: string; contacts: number; conversions: number }[];
  chart: { start: string | null; interval_seconds: number; others: number[]; converted: number[] };
}

export type Parameters = Record<string, string | number | undefined>;

const ANSWER_MS_MAX = 15_000;

export const place = (what: string, parameters: Parameters): string => url(`organiser/${what}`, parameters);

export async function ask<T>(what: string, parameters: Parameters, signal?: AbortSignal): Promise<About & T> {
  return send(place(what, parameters), signal === undefined ? {} : { signal });
}

// Marks a candidate as contacted.
export function contact(candidate: Candidate, note: string, parameters: Parameters): Promise<Contact> {
  const { person, event } = candidate;
  return send(place("contacts", parameters), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ person, event: event.id, note }),
  });
}

async function send<T>(address: string, options: RequestInit): Promise<T> {
  const limit = AbortSignal.timeout(ANSWER_MS_MAX);
  let response: Response;
  let body;
  try {
    const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
    response = await fetch(address, { ...options, signal });
    body = await response.json();
  } catch {
    throw new Unreachable("The server does not answer");
  }
  if (!response.ok) throw new Refused(response.status, body.detail ?? body.title ?? `no answer from ${API}`);
  return body as T;
}
