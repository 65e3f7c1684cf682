// Numbers by one field and time, each cell as dark as its number is large.

import "./heat.css";

import { count, dayShort, minute } from "../format.ts";
import { Value } from "./link.tsx";

export interface HeatRow {
  // Undefined where no filter means it.
  name: string | undefined;
  shown: string;
  values: number[];
}

// Each day once, over its steps.
function daysOf(times: number[]): { name: string; steps: number }[] {
  const days: { name: string; steps: number }[] = [];
  for (const name of times.map(dayShort)) {
    if (days.at(-1)?.name === name) days.at(-1)!.steps += 1;
    else days.push({ name, steps: 1 });
  }
  return days;
}

const highest = (rows: HeatRow[]): number => Math.max(1, ...rows.flatMap(({ values }) => values));

export function HeatMap({ label, field, times, rows, most = highest(rows) }: {
  label: string;
  field: string;
  times: number[];
  rows: HeatRow[];
  // What the darkest cell means.
  most?: number;
}) {
  return (
    <div class="table-scroll" role="group" aria-label={`${label}, as numbers`} tabIndex={0}>
      <table class="heat">
        <caption class="unseen">{label}, as numbers</caption>
        <thead>
          <tr>
            <td />
            {daysOf(times).map(({ name, steps }) => <th key={name} scope="colgroup" colSpan={steps}>{name}</th>)}
          </tr>
          <tr>
            <td />
            {times.map((time) => <th key={time} scope="col">{minute(time)}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, shown, values }) => (
            <tr key={shown}>
              <th scope="row">{name === undefined ? shown : <Value field={field} value={name}><bdi>{shown}</bdi></Value>}</th>
              {values.map((value, step) => (
                <td key={times[step]} style={{ "--shade": `${(Math.sqrt(value / most) * 45).toFixed(1)}%` }}>{count(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
