// A report: a file that works from disk and asks nobody for anything.

import "../tokens.css";
import "../base.css";
import "../shell.css";
import "./report.css";

import { render } from "preact";

import { AppContext, type App } from "../app.ts";
import { setZone } from "../format.ts";
import { Waiting } from "../parts/empty.tsx";
import { bringAtlas } from "../parts/world.tsx";
import { keepInFragment, useRoute } from "../route.ts";
import { startTheme } from "../theme.ts";
import { type Data, read } from "./data.ts";
import { Report, wholeSpan } from "./report.tsx";
// Behind all others, as it takes things away.
import "./print.css";

function Main({ data }: { data: Data }) {
  const route = useRoute();
  setZone(route.zone);
  const { stream } = data.header;
  const span = typeof route.range === "object" ? route.range : wholeSpan(data);
  const app: App = {
    streams: [stream], views: [], stream, route, span, progress: undefined, layers: undefined,
    session: { login: false, name: null, role: null },
    live: { news: 0, batchNews: 0, status: undefined, problem: undefined, unavailable: undefined },
  };
  return (
    <AppContext.Provider value={app}>
      <Report data={data} />
    </AppContext.Provider>
  );
}

keepInFragment();
startTheme();
const root = document.getElementById("app")!;
root.replaceChildren();
render(<Waiting />, root);
read(document.getElementById("data")!.textContent!).then(
  (data) => {
    bringAtlas(data.world);
    render(<Main data={data} />, root);
  },
  (error: Error) => render(<p class="alone">The data in this file cannot be read: {error.message}</p>, root),
);
