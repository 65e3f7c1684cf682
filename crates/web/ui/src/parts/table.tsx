// A table that is sorted by a click on a column's head and filtered by what one types. Both are in
// the URL.

import "./table.css";

import { type ComponentChildren, Fragment } from "preact";
import { useState } from "preact/hooks";

import { useApp } from "../app.ts";
import { count } from "../format.ts";
import { setOwn } from "../route.ts";

export interface Column<Row> {
  name: string;
  title: string;
  // The title is for who does not see what the column has.
  untitled?: boolean;
  number?: boolean;
  // What it is sorted by; without it, it is not.
  value?: (row: Row) => string | number | undefined;
  cell: (row: Row) => ComponentChildren;
  // Takes what room is left.
  wide?: boolean;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string;
  chosen?: (row: Row) => boolean;
  // As the rows come, with no column chosen.
  order?: string;
  empty?: ComponentChildren;
  atOnce?: number;
  below?: (row: Row) => ComponentChildren;
}

const AT_ONCE = 50;

export function Table<Row>({ label, columns, rows, keyOf, chosen, order = "", empty, below, atOnce = AT_ONCE }: Props<Row>) {
  const { route } = useApp();
  const [shown, setShown] = useState(atOnce);
  const sort = route.own["sort"] ?? order;
  const sorted = inOrder(rows, columns, sort);
  if (rows.length === 0) return <div class="card-empty">{empty}</div>;
  return (
    <>
      <div class="table-scroll" role="group" aria-label={label} tabIndex={0}>
        <table class="table">
          <caption class="unseen">{label}</caption>
          <thead>
            <tr>{columns.map((column) => <Head key={column.name} column={column} sort={sort} order={order} />)}</tr>
          </thead>
          <tbody>
            {sorted.slice(0, shown).map((row) => {
              const more = below?.(row);
              return (
                <Fragment key={keyOf(row)}>
                  <tr class={chosen?.(row) ? "chosen" : ""}>
                    {columns.map((column, index) => cell(column, row, index))}
                  </tr>
                  {more && <tr class="below"><td colSpan={columns.length}>{more}</td></tr>}
                </Fragment>
              );
            })}
          </tbody>
        </table>
      </div>
      {sorted.length > shown && (
        <button class="button table-more" onClick={() => setShown(shown + AT_ONCE)}>
          Show more ({count(sorted.length - shown)} left)
        </button>
      )}
    </>
  );
}

function cell<Row>(column: Column<Row>, row: Row, index: number) {
  const name = `${column.number ? "number" : ""} ${column.wide ? "wide" : ""}`;
  const content = column.cell(row);
  return index === 0 && !column.number
    ? <th key={column.name} scope="row" class={name}>{content}</th>
    : <td key={column.name} class={name}>{content}</td>;
}

function Head<Row>({ column, sort, order }: { column: Column<Row>; sort: string; order: string }) {
  const { name, number, value } = column;
  const title = column.untitled ? <span class="unseen">{column.title}</span> : column.title;
  const direction = sort === name ? "ascending" : sort === `-${name}` ? "descending" : undefined;
  const className = number ? "number" : "";
  if (value === undefined) return <th scope="col" class={className}>{title}</th>;
  // Numbers are asked for from the largest on, names from the first on.
  const first = number ? `-${name}` : name;
  const other = number ? name : `-${name}`;
  const next = sort === first ? other : sort === other && sort !== order ? "" : first;
  return (
    <th scope="col" class={className} aria-sort={direction ?? "none"}>
      <button onClick={() => setOwn("sort", next === order ? "" : next)}>
        {title}
        <span class="sort-mark" aria-hidden="true">{direction === "ascending" ? "↑" : direction === "descending" ? "↓" : ""}</span>
      </button>
    </th>
  );
}

const collator = new Intl.Collator("en", { numeric: true });

function inOrder<Row>(rows: Row[], columns: Column<Row>[], sort: string): Row[] {
  const down = sort.startsWith("-");
  const value = columns.find(({ name }) => name === (down ? sort.slice(1) : sort))?.value;
  if (value === undefined) return rows;
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    // What has no value comes last, in either order.
    if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? 1 : -1;
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * collator.compare(String(left), String(right));
  });
}

export function Search({ label }: { label: string }) {
  const { route } = useApp();
  return (
    <input
      type="search"
      class="field search"
      placeholder={`${label} (/)`}
      aria-label={label}
      value={route.own["q"] ?? ""}
      onInput={(event) => setOwn("q", event.currentTarget.value, "replace")}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        setOwn("q", "", "replace");
        event.currentTarget.blur();
      }}
    />
  );
}

// Whether any of the texts contains all the words that are searched for.
export function matches(query: string | undefined, texts: (string | undefined)[]): boolean {
  if (query === undefined || query === "") return true;
  const text = texts.join("\n").toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
