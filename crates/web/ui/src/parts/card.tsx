import "./card.css";

import type { ComponentChildren } from "preact";

import type { Answer } from "../query.ts";
import type { Route } from "../route.ts";
import { Link } from "./link.tsx";

interface Props {
  title: string;
  note?: ComponentChildren;
  end?: ComponentChildren;
  foot?: ComponentChildren;
  class?: string;
  // Questions whose failure the card shows, and whose old answers it dims.
  answers?: Answer<unknown>[];
  children: ComponentChildren;
}

export function Card({ title, note, end, foot, class: name = "", answers = [], children }: Props) {
  const old = answers.some((answer) => answer.old);
  const failed = answers.find((answer) => answer.error !== undefined)?.error;
  return (
    <section class={`card ${name} ${old ? "old" : ""}`} aria-label={title} aria-busy={old}>
      <div class="card-head">
        <h2>{title}</h2>
        {note !== undefined && <span class="card-note">{note}</span>}
        {end !== undefined && <div class="card-end">{end}</div>}
      </div>
      {failed !== undefined && <p class="failure">{failed.message}.</p>}
      {children}
      {foot !== undefined && foot !== false && <div class="card-foot">{foot}</div>}
    </section>
  );
}

// One of a few ways to see a card or page; each has a URL.
export function Tabs({ label, tabs }: {
  label: string;
  tabs: { title: string; to: Partial<Route>; chosen: boolean }[];
}) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ title, to, chosen }) => (
        <Link key={title} to={to} class="tab" current={chosen ? "true" : undefined}>{title}</Link>
      ))}
    </nav>
  );
}
