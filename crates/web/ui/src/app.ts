// What every page needs to know.

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Layers, Progress, Session, Stream, View } from "./api.ts";
import type { Live } from "./live.ts";
import { type Span, spanOf } from "./range.ts";
import type { Route } from "./route.ts";

export interface App {
  streams: Stream[];
  views: View[];
  session: Session;
  stream: Stream;
  route: Route;
  live: Live;
  // How far the stream is; undefined if the server does not say.
  progress: Progress | undefined;
  // How far the batch layer is; undefined until the first answer.
  layers: Layers | undefined;
  // What the range means now; undefined while nothing is counted yet.
  span: Span | undefined;
}

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) throw new Error("a page outside the frame");
  return app;
}

type Known = Pick<App, "streams" | "views" | "session" | "layers">;

export function makeApp(known: Known, stream: Stream, route: Route, live: Live): App {
  const progress = live.status?.streams.find(({ name }) => name === stream.name);
  const span = progress && spanOf(route, progress);
  return { ...known, stream, route, live, progress, span };
}

// What identifies the present question of a page, beside what it asks itself.
export function spanKey({ span }: App): string {
  return span === undefined ? "" : `${span.from}-${span.to}`;
}

export function viewOf(app: App, name: string): View | undefined {
  return app.views.find((view) => view.name === name);
}
