// By what: a table for each thing that facts have, the most frequent values first. A click filters by one.

import "../parts/ranked.css";
import "../parts/table.css";

import { useMemo, useState } from "preact/hooks";

import { useApp } from "../app.ts";
import { fieldTitle, scopeTitle, valueName } from "../descriptor.ts";
import { amount, count, heading, many, share, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Value } from "../parts/link.tsx";
import { Bar } from "../parts/ranked.tsx";
import { matches } from "../parts/table.tsx";
import { type Row, breakdown } from "./counting.ts";
import type { Dimension } from "./data.ts";
import type { Shown } from "./report.tsx";

const SHOWN = 10;
const MORE = 50;
// Among fewer values one sees what one looks for.
const SEARCHED = 30;

export function Breakdowns({ shown }: { shown: Shown }) {
  const { stream } = useApp();
  const { dimensions } = shown.data.header.layout;
  // Terms first, as they are what the stream is about.
  const order = (one: Dimension) => (one.facet ? 0 : one.name === stream.scope?.name ? 1 : 2);
  const ordered = [...dimensions].filter(({ values }) => values.length > 1).sort((a, b) => order(a) - order(b));
  return <>{ordered.map((dimension) => <Table key={dimension.name} shown={shown} dimension={dimension} />)}</>;
}

type Sort = "facts" | "people" | number;

function titleOf(stream: ReturnType<typeof useApp>["stream"], name: string): string {
  if (stream.scope?.name === name) return scopeTitle(stream.scope);
  const facet = stream.facets.find(({ term }) => term.one === name);
  return facet === undefined ? fieldTitle(stream, name) : heading(facet.term.many);
}

function Table({ shown: { data, passing }, dimension }: { shown: Shown; dimension: Dimension }) {
  const { stream } = useApp();
  const { person } = data.header;
  const [limit, setLimit] = useState(SHOWN);
  const [sort, setSort] = useState<Sort>("facts");
  const [search, setSearch] = useState("");
  const { rows, none, total } = useMemo(() => breakdown(data, passing, dimension), [passing]);
  const nameOf = (at: number) => dimension.names[at] ?? valueName(stream, dimension.name, dimension.values[at]!);
  const key = (row: Row) => (sort === "facts" ? row.facts : sort === "people" ? row.people ?? 0 : row.sums[sort]!);
  const found = useMemo(() => {
    const matching = rows.filter(({ at }) => matches(search, [nameOf(at), dimension.values[at]]));
    return sort === "facts" ? matching : [...matching].sort((a, b) => key(b) - key(a));
  }, [rows, sort, search]);
  const title = titleOf(stream, dimension.name);
  const facts = words(stream.fact.many);
  const most = Math.max(1, ...found.slice(0, limit).map(key));
  const withPeople = person !== null && data.people !== undefined;
  const head = (text: string, by: Sort) => (
    <th scope="col" class="number" aria-sort={sort === by ? "descending" : "none"}>
      <button onClick={() => setSort(by)}>{text}</button>
    </th>
  );
  const rareNote = dimension.rare !== null
    ? `“Rare ones” are ${count(dimension.rare_values)} values that together are one, so that the file stays small. ` : "";
  const noneNote = none > 0 ? `${many(none, stream.fact)} without.` : "";
  return (
    <Card
      title={title}
      note={`${count(rows.length)}${dimension.sets === null ? "" : `; one of the ${facts} may have several`}`}
      end={rows.length > SEARCHED && (
        <input
          type="search"
          class="field search"
          placeholder="Search"
          aria-label={`Search in ${title}`}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      foot={rareNote + noneNote || undefined}
      class="breakdown"
    >
      <div class="table-scroll" role="group" aria-label={title} tabIndex={0}>
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{heading(dimension.name)}</th>
              <td class="breakdown-bar" />
              {head(heading(stream.fact.many), "facts")}
              <th scope="col" class="number breakdown-share">Share</th>
              {withPeople && head(heading(person[1]), "people")}
              {stream.sums.map((name, index) => head(heading(name), index))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, limit).map((row) => (
              <tr key={row.at}>
                <th scope="row">
                  {row.at === dimension.rare
                    ? <span class="muted">Rare ones</span>
                    : <Value field={dimension.name} value={dimension.values[row.at]!}><bdi>{nameOf(row.at)}</bdi></Value>}
                </th>
                <td class="breakdown-bar"><Bar part={key(row) / most} /></td>
                <td class="number"><b>{count(row.facts)}</b></td>
                <td class="number muted breakdown-share">{share(total === 0 ? 0 : row.facts / total)}</td>
                {withPeople && <td class="number">{count(row.people ?? 0)}</td>}
                {row.sums.map((sum, index) => <td key={stream.sums[index]} class="number" title={sum.toLocaleString("en")}>{amount(stream.sums[index]!, sum)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length === 0 && <p class="card-empty">None.</p>}
      {found.length > limit && (
        <button class="button table-more" onClick={() => setLimit(limit + MORE)}>
          {count(Math.min(MORE, found.length - limit))} more of {count(found.length - limit)}
        </button>
      )}
    </Card>
  );
}
