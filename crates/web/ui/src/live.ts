// How far the server is with a stream, and whether it can be reached. Events say when there is news;
// the status is asked for as well, since only an answer proves that the connection works.

import { useEffect, useState } from "preact/hooks";

import * as api from "./api.ts";
import { afterAnswers } from "./query.ts";

export interface Live {
  // Change when the windows, or what the batch layer wrote, may have changed.
  news: number;
  batchNews: number;
  // Undefined before the page knows any stream.
  status: api.Status | undefined;
  // What is wrong with the connection, since when.
  problem: { text: string; since: number } | undefined;
  // Why the views cannot be read just now.
  unavailable: string | undefined;
}

const STATUS_MS = 10_000;
// Without events, the status says whether there is news.
const STATUS_MS_ALONE = 2000;
const EVENTS_AGAIN_MS = 15_000;
// Somebody who reads needs no more, however fast a recording plays.
const NEWS_MS_MIN = 1000;

// `first` is what the page knew of the status when it began.
export function useLive(stream: string | undefined, first: api.Status | undefined): Live {
  const [live, setLive] = useState<Live>(() => ({
    news: 0, batchNews: 0, status: undefined, problem: undefined, unavailable: undefined,
  }));
  const status = live.status ?? first;
  useEffect(() => {
    if (stream === undefined) return;
    const link = new Link(stream, status, (change) => setLive((before) => ({ ...before, ...change(before) })));
    return () => link.close();
  }, [stream]);
  return { ...live, status };
}

const closedUntil = (status: api.Status | undefined, stream: string): string | null | undefined =>
  status?.streams.find(({ name }) => name === stream)?.closed_until;

type Change = (before: Live) => Partial<Live>;

class Link {
  private events: EventSource | undefined;
  private hasEvents = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private newsTimer: ReturnType<typeof setTimeout> | undefined;
  private lastNews = 0;
  private closed = false;
  private until: string | null | undefined;
  private readonly wake = () => document.visibilityState === "visible" && this.ask();

  constructor(
    private readonly stream: string,
    known: api.Status | undefined,
    private readonly change: (change: Change) => void,
  ) {
    this.until = closedUntil(known, stream);
    // Listening takes a connection, of which a browser has few: first comes what the page shows.
    afterAnswers(() => this.listen());
    // The first event asks sooner, if it comes.
    this.timer = setTimeout(() => this.ask(), STATUS_MS_ALONE);
    document.addEventListener("visibilitychange", this.wake);
  }

  close(): void {
    this.closed = true;
    this.events?.close();
    for (const timer of [this.timer, this.retry, this.newsTimer]) clearTimeout(timer);
    document.removeEventListener("visibilitychange", this.wake);
  }

  private listen(): void {
    if (this.closed) return;
    const events = new EventSource(api.liveUrl(this.stream));
    this.events = events;
    events.onopen = () => (this.hasEvents = true);
    events.onerror = () => {
      this.hasEvents = false;
      this.ask();
      // After a refusal, the browser does not try again by itself.
      if (events.readyState === EventSource.CLOSED) {
        this.retry = setTimeout(() => this.listen(), EVENTS_AGAIN_MS);
      }
    };
    // How far it is comes first, and is news only if it is further than is known.
    events.addEventListener("state", () => this.ask());
    for (const name of ["window", "reset"]) events.addEventListener(name, () => this.ask(true));
    for (const name of ["batch", "reset"]) {
      events.addEventListener(name, () => this.change(({ batchNews }) => ({ batchNews: batchNews + 1 })));
    }
    events.addEventListener("unavailable", ({ data }) => {
      const { detail } = JSON.parse(data) as { detail: string };
      this.change(() => ({ unavailable: detail }));
    });
    // The answer to the next question then says the same to all.
    events.addEventListener("logged_out", () => {
      events.close();
      this.ask();
    });
    events.addEventListener("available", () => {
      this.change(() => ({ unavailable: undefined }));
      this.ask(true);
    });
  }

  private ask(news = false): void {
    if (this.closed) return;
    clearTimeout(this.timer);
    api.status().then(
      (status) => this.answered(status, news),
      (error: Error) => this.failed(error),
    ).finally(() => {
      if (this.closed) return;
      clearTimeout(this.timer);
      // A page that nobody sees waits for events only.
      if (document.visibilityState === "hidden") return;
      this.timer = setTimeout(() => this.ask(), this.hasEvents ? STATUS_MS : STATUS_MS_ALONE);
    });
  }

  private answered(status: api.Status, news: boolean): void {
    if (this.closed) return;
    const until = closedUntil(status, this.stream);
    const moved = until !== this.until;
    this.until = until;
    this.change((before) => {
      if (news || moved || before.problem !== undefined) this.tell();
      return { status, problem: undefined };
    });
  }

  private failed(error: Error): void {
    if (this.closed) return;
    const text = error instanceof api.Refused
      ? `The server cannot answer: ${error.message}`
      : "The server does not answer";
    this.change(({ problem }) => ({ problem: { text, since: problem?.since ?? Date.now() } }));
  }

  private tell(): void {
    if (this.newsTimer !== undefined) return;
    const wait = Math.max(0, this.lastNews + NEWS_MS_MIN - Date.now());
    this.newsTimer = setTimeout(() => {
      this.newsTimer = undefined;
      this.lastNews = Date.now();
      this.change(({ news }) => ({ news: news + 1 }));
    }, wait);
  }
}
