// A list of values by their number, each with a bar.

import "./ranked.css";

import type { ComponentChildren } from "preact";

import { count } from "../format.ts";
import { Value } from "./link.tsx";
import { Sparkline } from "./sparkline.tsx";

export interface Ranked {
  value: string;
  name: string;
  number: number;
  values?: (number | null)[] | undefined;
  end?: ComponentChildren;
}

export function RankedList({ label, field, rows, spark = false }: {
  label: string;
  field: string;
  rows: Ranked[];
  spark?: boolean;
}) {
  const most = Math.max(...rows.map(({ number }) => number), 0) || 1;
  const ended = rows.some(({ end }) => end !== undefined);
  return (
    <ol class={`ranked ${spark ? "with-spark" : ""} ${ended ? "with-end" : ""}`} aria-label={label}>
      {rows.map(({ value, name, number, values, end }) => (
        <li key={`${value} ${name}`}>
          <span class="ranked-name"><Value field={field} value={value}><bdi title={name}>{name}</bdi></Value></span>
          <Bar part={number / most} />
          {spark && <span class="ranked-spark">{values && <Sparkline values={values} width={64} height={18} />}</span>}
          <b class="number">{count(number)}</b>
          {ended && <span class="ranked-end number">{end}</span>}
        </li>
      ))}
    </ol>
  );
}

export function Bar({ part, warm = false }: { part: number; warm?: boolean }) {
  return (
    <span class={warm ? "bar-track warm" : "bar-track"} aria-hidden="true">
      <span class="bar-fill" style={{ width: `${(Math.max(0, Math.min(1, part)) * 100).toFixed(2)}%` }} />
    </span>
  );
}
