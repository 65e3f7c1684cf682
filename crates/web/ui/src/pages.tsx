// Which page is where.

import { useApp } from "./app.ts";
import { BatchView } from "./pages/batch-view.tsx";
import { Facts } from "./pages/facts.tsx";
import { MapPage } from "./pages/map.tsx";
import { Organiser } from "./pages/organiser.tsx";
import { Overview } from "./pages/overview.tsx";
import { Pipeline } from "./pages/pipeline.tsx";
import { Sessions } from "./pages/sessions.tsx";
import { Streams } from "./pages/streams.tsx";
import { Trends } from "./pages/trends.tsx";

export function PageOf() {
  const { route } = useApp();
  switch (route.page) {
    case "overview": return <Overview />;
    case "trends": return <Trends />;
    case "map": return <MapPage />;
    case "facts": return <Facts />;
    case "sessions": return <Sessions />;
    case "organiser": return <Organiser />;
    case "views": return <BatchView />;
    case "pipeline": return <Pipeline />;
    case "streams": return <Streams />;
  }
}
