import "./tokens.css";
import "./base.css";

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

import * as api from "./api.ts";
import { AppContext, makeApp } from "./app.ts";
import { setZone } from "./format.ts";
import { useLive } from "./live.ts";
import { NoServer, NoStream, Waiting } from "./parts/empty.tsx";
import { Shell } from "./shell.tsx";
import { Login } from "./pages/login.tsx";
import { startTheme } from "./theme.ts";
import { PageOf } from "./pages.tsx";
import { LAST, useQuery } from "./query.ts";
import { useRoute } from "./route.ts";

const AGAIN_MS = 2000;

interface Known {
  streams: api.Stream[];
  views: api.View[];
  session: api.Session;
  status: api.Status;
}

function Main() {
  const [out, setOut] = useState(false);
  const [known, problem] = useKnown(out);
  const route = useRoute();
  setZone(route.zone);
  const stream = known?.streams.find(({ name }) => name === route.stream)
    ?? (route.stream === undefined ? known?.streams[0] : undefined);
  const live = useLive(out ? undefined : stream?.name, known?.status);
  const layers = useQuery(out || known === undefined ? undefined : "layers", api.layers, live.batchNews, LAST);
  useEffect(() => api.onLoggedOut(() => setOut(true)), []);
  if (out) return <Login again={known !== undefined} done={() => setOut(false)} />;
  if (known === undefined) return problem === undefined ? <Waiting /> : <NoServer text={problem} />;
  if (stream === undefined) return <NoStream name={route.stream} streams={known.streams} />;
  const app = makeApp({ ...known, layers: layers.data }, stream, route, live);
  return (
    <AppContext.Provider value={app}>
      <Shell>
        <PageOf key={`${route.page} ${route.view} ${stream.name}`} />
      </Shell>
    </AppContext.Provider>
  );
}

// Streams and views as the server describes them, and how far it is, asked for until it answers.
function useKnown(out: boolean): [Known | undefined, string | undefined] {
  const [known, setKnown] = useState<Known>();
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    if (out) return;
    let timer: ReturnType<typeof setTimeout>;
    const ask = () => {
      Promise.all([api.streams(), api.views(), api.session(), api.status()]).then(
        ([streams, views, session, status]) => setKnown({ streams, views, session, status }),
        (error: Error) => {
          setProblem(error.message);
          timer = setTimeout(ask, AGAIN_MS);
        },
      );
    };
    ask();
    return () => clearTimeout(timer);
  }, [out]);
  return [known, problem];
}

startTheme();
const root = document.getElementById("app")!;
root.replaceChildren();
render(<Main />, root);
