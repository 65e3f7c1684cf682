// How much: the figures of the range, each with its line and its change from the period before.

import "./figures.css";

import type { ComponentChildren } from "preact";

import * as api from "../api.ts";
import { type App, spanKey, useApp } from "../app.ts";
import { scopeTitle } from "../descriptor.ts";
import { change, count, duration, heading, rate, share, words } from "../format.ts";
import { kindColour } from "../parts/chart.tsx";
import { Value } from "../parts/link.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { type Answer, LAST, useQuery } from "../query.ts";
import { before } from "../range.ts";
import { activityFilters, activityQuery } from "../questions.ts";
import { valueOf } from "../route.ts";

// The period before, in one number.
function useBefore(app: App, field: string): number | undefined {
  const { span, live } = app;
  const where = JSON.stringify(activityFilters(app));
  const answer = useQuery(span && `before ${spanKey(app)} ${field} ${where}`, (signal) => {
    const past = before(span!);
    const seconds = Math.max(1, Math.ceil((past.to - past.from) / 1000));
    return api.series({ ...activityQuery(app, past, undefined, field), interval: seconds }, signal);
  }, live.batchNews, LAST);
  return answer.old ? undefined : answer.data?.total.value ?? undefined;
}

export function Figures({ facts, sums, scopes }: {
  facts: Answer<api.Series>;
  sums: Answer<api.Series>[];
  scopes: Answer<api.Top>;
}) {
  const app = useApp();
  const { stream, span } = app;
  const seconds = span === undefined ? 1 : (span.to - span.from) / 1000;
  const total = facts.data?.total.value ?? 0;
  return (
    <section class="figures" aria-label="Figures">
      <Amount title={heading(stream.fact.many)} field={stream.fact.many} answer={facts} unit={`in ${duration(seconds)}`} />
      {stream.sums.map((name, index) => (
        <Amount key={name} title={heading(name)} field={name} answer={sums[index]!} unit={`in ${duration(seconds)}`} />
      ))}
      <Rate total={total} seconds={seconds} series={facts.data} />
      {stream.scope && valueOf(app.route, stream.scope.name) === undefined && <ScopeFigure scopes={scopes.data} />}
      {stream.kind.values.length > 1 && <Kinds series={facts.data} />}
    </section>
  );
}

export function Figure({ title, number, unit, children }: {
  title: string;
  number: string;
  unit: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="figure">
      <h2>{title}</h2>
      <p class="figure-number"><b>{number}</b> <span>{unit}</span></p>
      <div class="figure-more">{children}</div>
    </div>
  );
}

function Amount({ title, field, answer, unit }: {
  title: string;
  field: string;
  answer: Answer<api.Series>;
  unit: string;
}) {
  const app = useApp();
  const past = useBefore(app, field);
  const value = answer.data?.total.value ?? undefined;
  return (
    <Figure title={title} number={value === undefined ? "–" : count(value)} unit={unit}>
      {answer.data && <Sparkline values={whole(answer.data)} />}
      <Change now={value} past={past} />
    </Figure>
  );
}

export function Change({ now, past }: { now: number | undefined; past: number | undefined }) {
  if (now === undefined) return null;
  const text = change(now, past);
  return text === "" ? null : <span class="change" title={`Before: ${count(past!)}`}>{text}<span class="unseen"> from the period before</span></span>;
}

// The last step is cut by the range's end more often than not: it would look like a fall.
export function whole({ total }: api.Series): (number | null)[] {
  return total.values.length > 3 ? total.values.slice(0, -1) : total.values;
}

const RATES = [["second", 1], ["minute", 60], ["hour", 3600], ["day", 86_400]] as const;

// Per the shortest time in which there is one at least.
function Rate({ total, seconds, series }: { total: number; seconds: number; series: api.Series | undefined }) {
  const { stream } = useApp();
  const [name, per] = RATES.find(([, time]) => (total / seconds) * time >= 1) ?? (total === 0 ? RATES[0] : RATES[3]);
  const most = series && Math.max(0, ...series.total.values.map((value) => value ?? 0)) / series.interval_seconds;
  return (
    <Figure title={`Per ${name}`} number={rate((total / seconds) * per)} unit={words(stream.fact.many)}>
      {most !== undefined && <span class="muted">at most {rate(most * per)}</span>}
    </Figure>
  );
}

function ScopeFigure({ scopes }: { scopes: api.Top | undefined }) {
  const app = useApp();
  const scope = app.stream.scope!;
  const first = scopes?.groups[0];
  const number = scopes === undefined ? "–" : `${count(scopes.groups.length)}${scopes.more ? "+" : ""}`;
  return (
    <Figure title={scopeTitle(scope)} number={number} unit={`with ${words(app.stream.fact.many)}`}>
      {first && scopes?.total
        ? <span class="muted"><Value field={scope.name} value={first.name} /> {share(first.value / scopes.total)}</span>
        : null}
    </Figure>
  );
}

function Kinds({ series }: { series: api.Series | undefined }) {
  const { stream } = useApp();
  const total = series?.total.value ?? 0;
  const kinds = stream.kind.values.map((name, index) => {
    const value = series?.groups.find((group) => group.name === name)?.value ?? 0;
    return { name, value, part: total === 0 ? 0 : value / total, colour: kindColour(index) };
  });
  return (
    <div class="figure kinds">
      <h2>By {words(stream.kind.name === stream.fact.one ? "kind" : stream.kind.name)}</h2>
      <div class="kinds-bar" aria-hidden="true">
        {kinds.map(({ name, part, colour }) => (
          <span key={name} style={{ width: `${part * 100}%`, background: `var(--${colour})` }} />
        ))}
      </div>
      <ul>
        {kinds.map(({ name, value, part, colour }) => (
          <li key={name}>
            <i style={{ background: `var(--${colour})` }} />
            <Value field={stream.kind.name} value={name}>{name}</Value>
            <b title={count(value)}>{share(part)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
