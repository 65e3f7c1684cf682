// How much: facts, people, sums, and the kinds.

import "../cards/figures.css";

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { useApp } from "../app.ts";
import { fieldTitle } from "../descriptor.ts";
import { amount, bytes, count, duration, heading, rate, share, words } from "../format.ts";
import { kindColour } from "../parts/chart.tsx";
import { Value } from "../parts/link.tsx";
import { breakdown, totals } from "./counting.ts";
import type { Shown } from "./report.tsx";

const RATES = [["day", 86_400], ["hour", 3600], ["minute", 60]] as const;

export function Figures({ shown: { data, passing, span } }: { shown: Shown }) {
  const { stream } = useApp();
  const { header } = data;
  const { facts, sums, people } = useMemo(() => totals(data, passing), [passing]);
  const seconds = (span.to - span.from) / 1000;
  // Of the longest time that is over: no day is made of an hour.
  const [name, per] = RATES.find(([, length]) => length <= seconds) ?? RATES[2];
  return (
    <section class="figures" aria-label="Figures">
      <Figure title={heading(stream.fact.many)} number={count(facts)} unit={`in ${duration(seconds)}`} />
      {header.person && (
        <Figure
          title={heading(header.person[1])}
          number={people === undefined ? "–" : count(people)}
          unit={header.per_day ? "counted each day" : ""}
        >
          {people === undefined && <span class="muted">not known for a part: see below</span>}
        </Figure>
      )}
      {stream.sums.map((name, index) => (
        <Figure key={name} title={heading(name)} number={amount(name, sums[index]!)} unit={facts === 0 ? "" : `${name === "bytes" ? bytes(sums[index]! / facts) : rate(sums[index]! / facts)} each`} whole={sums[index]!} />
      ))}
      <Figure title={`Per ${name}`} number={rate((facts / seconds) * per)} unit={words(stream.fact.many)} />
      {stream.kind.values.length > 1 && <Kinds shown={{ data, passing, span }} />}
    </section>
  );
}

function Figure({ title, number, unit, whole, children }: {
  title: string;
  number: string;
  unit: string;
  // The number in full, where it is shown shorter.
  whole?: number;
  children?: ComponentChildren;
}) {
  return (
    <div class="figure">
      <h2>{title}</h2>
      <p class="figure-number"><b title={whole?.toLocaleString("en")}>{number}</b> <span>{unit}</span></p>
      {children && <div class="figure-more">{children}</div>}
    </div>
  );
}

function Kinds({ shown: { data, passing } }: { shown: Shown }) {
  const { stream } = useApp();
  const dimension = data.header.layout.dimensions.find(({ name }) => name === stream.kind.name)!;
  const { rows, total } = useMemo(() => breakdown(data, passing, dimension), [passing]);
  const kinds = stream.kind.values.flatMap((name, index) => {
    const number = rows.find(({ at }) => dimension.values[at] === name)?.facts ?? 0;
    return number === 0 ? [] : [{ name, number, part: number / total, colour: kindColour(index) }];
  });
  return (
    <div class="figure kinds">
      <h2>By {fieldTitle(stream, stream.kind.name).toLowerCase()}</h2>
      <div class="kinds-bar" aria-hidden="true">
        {kinds.map(({ name, part, colour }) => (
          <span key={name} style={{ width: `${part * 100}%`, background: `var(--${colour})` }} />
        ))}
      </div>
      <ul>
        {kinds.map(({ name, number, part, colour }) => (
          <li key={name}>
            <i style={{ background: `var(--${colour})` }} />
            <Value field={stream.kind.name} value={name}>{name}</Value>
            <b title={count(number)}>{share(part)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
