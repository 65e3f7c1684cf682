// Where: the scopes by their number, on a map if they are countries or have places.

import { useMemo } from "preact/hooks";

import type { Top } from "../api.ts";
import * as api from "../api.ts";
import { useApp } from "../app.ts";
import { everywhere, scopeName, scopeTitle } from "../descriptor.ts";
import { count, share, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Copy } from "../parts/copy.tsx";
import { Link } from "../parts/link.tsx";
import { memo } from "../parts/memo.ts";
import { RankedList } from "../parts/ranked.tsx";
import { World } from "../parts/world.tsx";
import type { Answer } from "../query.ts";
import { scopesQuery } from "../questions.ts";
import { go, toPage, toggled, valueOf } from "../route.ts";

const SHOWN = 12;

export const Scopes = memo(function Scopes({ scopes }: { scopes: Answer<Top> }) {
  const app = useApp();
  const { stream, span, route } = app;
  const scope = stream.scope!;
  const title = scopeTitle(scope);
  const groups = scopes.data?.groups ?? [];
  const total = scopes.data?.total ?? 0;
  const chosen = valueOf(route, scope.name);
  const copy = span && (
    <Copy
      call={api.topUrl(scopesQuery(app, span))}
      name={`${stream.name}-by-${scope.name}`}
      csv={() => ({ head: [scope.name, stream.fact.many], rows: groups.map(({ name, value }) => [name, value]) })}
    />
  );
  return (
    <Card title={title} note={`${words(stream.fact.many)} · share`} end={copy} answers={[scopes]} class="overview-scopes">
      {scopes.data === undefined && <p class="waiting">Loading…</p>}
      <RankedList
        label={title}
        field={scope.name}
        rows={groups.slice(0, SHOWN).map(({ name, value }) => ({
          value: name,
          name: scopeName(scope, name),
          number: value,
          end: share(total === 0 ? 0 : value / total),
        }))}
      />
      {chosen !== undefined && (
        <p class="card-foot">
          Filtered by {scopeName(scope, chosen)}; <Link to={{ filters: toggled(route.filters, scope.name, chosen) }}>{everywhere(scope).toLowerCase()}</Link>
        </p>
      )}
      {groups.length > SHOWN && (
        <p class="card-foot">and {count(groups.length - SHOWN)} more</p>
      )}
    </Card>
  );
});

export const Where = memo(function Where({ scopes }: { scopes: Answer<Top> }) {
  const { stream, route } = useApp();
  const scope = stream.scope!;
  const groups = scopes.data?.groups ?? [];
  const named = groups.slice(0, 5).map(({ name }) => scopeName(scope, name));
  const facts = words(stream.fact.many);
  const map = useMemo(() => (
    <World
      label={`Map of ${facts} by country; most are in ${named.join(", ")}`}
      unit={facts}
      countries={new Map(groups.map(({ name, value }) => [name, value]))}
      nameOf={(code) => scopeName(scope, code)}
      circles={[]}
      chosen={valueOf(route, scope.name)}
      choose={(code) => go({ filters: toggled(route.filters, scope.name, code) })}
    />
  ), [scopes.data, stream, route]);
  return (
    <Card
      title="Where"
      class="overview-where"
      note={`${facts} by ${words(scope.name)}`}
      answers={[scopes]}
      end={<Link to={toPage("map")} class="card-more">Play the day</Link>}
    >
      {map}
    </Card>
  );
});
