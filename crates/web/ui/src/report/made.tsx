// From what a report was made, what became of each message, and what it does not show.

import "../parts/table.css";

import { useState } from "preact/hooks";

import { useApp } from "../app.ts";
import { count, heading, instant, list, many, words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import type { Data } from "./data.ts";
import { offsetAt } from "../steps.ts";

const MINUTE_MS = 60_000;
const EXAMPLES_SHOWN = 10;

const listed = (names: string[]): string => list(names.map(words));

// What was given up for the size of the file, said before any number.
export function notes({ header, times }: Data): string[] {
  const { layout, person, people } = header;
  const found: string[] = [];
  const unit = layout.unit_minutes;
  if (unit > 1) {
    const every = unit === 60 ? "the hour" : `${unit} minutes`;
    found.push(`So that the file stays small, times are kept to ${every}.`);
  }
  // Where a zone's hours are not those of UTC, a step takes in some minutes of the one beside it.
  if (Array.from(times.slice(0, 1)).some((time) => offsetAt(time) % (unit * MINUTE_MS) !== 0)) {
    found.push("This zone is not a whole number of hours from UTC: each hour counts where it begins.");
  }
  if (header.rare_below > 0) {
    found.push(`So that the file stays small, terms that are on fewer than ${count(header.rare_below)} are put together.`);
  }
  if (person !== null && layout.people === null) {
    found.push(people === null
      ? `There are too many different ones to count ${person[1]}.`
      : `So that the file stays small, ${person[1]} are known of the whole time and without filters only: there are ${count(people)}.`);
  }
  return found;
}

export function Made({ data: { header } }: { data: Data }) {
  const { stream } = useApp();
  const [all, setAll] = useState(false);
  const { outcomes, person } = header;
  const { one, many: more } = stream.fact;
  const reasons = (counts: Record<string, number>, what: string): [string, number][] =>
    Object.entries(counts).map(([reason, number]) => [`${what}: ${words(reason)}`, number]);
  const rows: [string, number][] = [
    [heading(more), outcomes.facts],
    ...(outcomes.echoes > 0 ? [[`Echoes of ${words(more)} that are counted`, outcomes.echoes] as [string, number]] : []),
    ...(outcomes.outside > 0 ? [["Outside the time that was asked for", outcomes.outside] as [string, number]] : []),
    ...reasons(outcomes.skipped, "Skipped"),
    ...reasons(outcomes.dead_letters, "Cannot be read"),
  ];
  const wrong = Object.values(outcomes.dead_letters).reduce((sum, number) => sum + number, 0);
  const said = [
    header.gone > 0 && `The log no longer has the ${count(header.gone)} messages before these.`,
    person !== null && (header.per_day
      ? `A visitor is one of a UTC day: who comes on two days is two. They are told apart by what the lines say of them, cut addresses included.`
      : `${heading(person[1])} are told apart by what the messages say of them; the file has numbers in place of names.`),
    header.left_out_personal.length > 0 && `Left out, as it may say who somebody is: ${listed(header.left_out_personal)}.`,
    header.left_out_many.length > 0 && `Left out, as there are too many different ones: ${listed(header.left_out_many)}.`,
  ].filter((text): text is string => text !== false);
  return (
    <Card title="What was counted" class="report-wide" foot={`Made by ${header.program} on ${instant(header.made)} from ${header.source}.`}>
      <div class="made">
        <table class="table">
          <tbody>
            {rows.map(([what, number]) => <tr key={what}><th scope="row">{what}</th><td class="number">{count(number)}</td></tr>)}
          </tbody>
          <tfoot><tr><th scope="row">Messages</th><td class="number"><b>{count(outcomes.messages)}</b></td></tr></tfoot>
        </table>
        <ul class="made-said">{said.map((text) => <li key={text}>{text}</li>)}</ul>
      </div>
      {outcomes.examples.length > 0 && (
        <div class="table-scroll" role="group" aria-label="What cannot be read" tabIndex={0}>
          <h3>{outcomes.examples.length < wrong ? `The first ${count(outcomes.examples.length)} of ${count(wrong)} that are no ${words(one)}` : `${many(wrong, { one: "message", many: "messages" })} that cannot be read`}</h3>
          <table class="table">
            <thead><tr><th scope="col">Where</th><th scope="col">Reason</th><th scope="col">What is wrong</th></tr></thead>
            <tbody>
              {outcomes.examples.slice(0, all ? undefined : EXAMPLES_SHOWN).map(({ place, reason, detail }) => (
                <tr key={place}><th scope="row"><bdi>{place}</bdi></th><td>{words(reason)}</td><td><bdi>{detail}</bdi></td></tr>
              ))}
            </tbody>
          </table>
          {!all && outcomes.examples.length > EXAMPLES_SHOWN && (
            <button class="button table-more" onClick={() => setAll(true)}>{count(outcomes.examples.length - EXAMPLES_SHOWN)} more</button>
          )}
        </div>
      )}
    </Card>
  );
}
