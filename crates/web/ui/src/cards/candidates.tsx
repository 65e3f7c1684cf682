// Whom to invite, which topics and places that is limited to, and marking somebody as contacted.

import { useEffect, useRef, useState } from "preact/hooks";

import { useApp } from "../app.ts";
import { count, duration, instant, list, minute, share } from "../format.ts";
import * as desk from "../organiser.ts";
import { Card } from "../parts/card.tsx";
import { Loading } from "../parts/empty.tsx";
import { Table } from "../parts/table.tsx";
import { type Answer, useQuery } from "../query.ts";
import { go, setOwn } from "../route.ts";

const NEAR_TOPICS = 3;
const TOPICS_SHOWN = 12;
const DISTANCE_KM_MAX = 20_100;
const NOTE_CHARACTERS_MAX = 1000;

export function useDesk<T>(what: string, parameters: desk.Parameters, asked = true): Answer<desk.About & T> {
  const { live } = useApp();
  const key = asked ? desk.place(what, parameters) : undefined;
  return useQuery(key, (signal) => desk.ask<T>(what, parameters, signal), live.news);
}

export function EventName({ event }: { event: desk.EventOf }) {
  const name = <bdi>{event.name ?? event.id}</bdi>;
  const safe = event.url !== null && /^https?:\/\//.test(event.url);
  return safe ? <a class="text-link" href={event.url!} rel="noreferrer" target="_blank">{name}</a> : name;
}

export function Candidates({ about, search }: { about: desk.About; search: desk.Parameters }) {
  const [done, setDone] = useState<Record<string, string>>({});
  const answer = useDesk<{ candidates: desk.Candidate[] }>("candidates", { ...search, limit: 30 });
  const [open, setOpen] = useState<string>();
  const contact = async (candidate: desk.Candidate, note: string) => {
    setOpen(undefined);
    setDone((before) => ({ ...before, [candidate.person]: "…" }));
    const result = await desk.contact(candidate, note, search).then(() => "Contacted", (error: Error) => error.message);
    setDone((before) => ({ ...before, [candidate.person]: result }));
  };
  return (
    <Card
      title="Whom to invite"
      note={`said yes elsewhere in the last ${duration(about.recent_seconds)}, within ${count(about.distance_km)} km`}
      answers={[answer]}
      class="organiser-wide"
      foot={
        <>
          Topics that groups often have beside the relevant ones count, too. Whoever was contacted is not offered again for that event, nor for any other within {duration(about.cooling_seconds)}.
          {about.past_since !== null && ` How often they said yes and kept to it is counted since ${instant(about.past_since)}.`}
        </>
      }
    >
      <Wanted about={about} />
      <Table<desk.Candidate>
        label="Whom to invite"
        rows={answer.data?.candidates ?? []}
        keyOf={({ person }) => person}
        atOnce={10}
        empty={answer.data === undefined ? <Loading /> : "Nobody just now. Allow a longer distance or more topics, or wait: candidates appear as members say yes."}
        below={(candidate) => candidate.person === open && done[candidate.person] === undefined && (
          <NoteForm name={candidate.name} save={(note) => contact(candidate, note)} cancel={() => setOpen(undefined)} />
        )}
        columns={[
          { name: "person", title: "Member", cell: ({ name }) => <bdi class="organiser-who">{name}</bdi> },
          { name: "why", title: "Why", wide: true, cell: (candidate) => <Why candidate={candidate} /> },
          { name: "km", title: "km", number: true, cell: ({ km }) => km.toFixed(1) },
          { name: "for", title: "Invite to", cell: ({ event }) => <div class="organiser-for"><EventName event={event} /></div> },
          { name: "score", title: "Score", number: true, cell: ({ score }) => score.toFixed(2) },
          {
            name: "contact", title: "Mark as contacted", untitled: true,
            cell: (candidate) => done[candidate.person] !== undefined
              ? <span class="organiser-why" role="status">{done[candidate.person]}</span>
              : (
                <button
                  class="button"
                  disabled={!about.can_contact}
                  aria-expanded={open === candidate.person}
                  title={about.can_contact ? "You have told them; note that" : "This server can only read"}
                  onClick={() => setOpen(open === candidate.person ? undefined : candidate.person)}
                >
                  Contacted
                </button>
              ),
          },
        ]}
      />
    </Card>
  );
}

function Why({ candidate }: { candidate: desk.Candidate }) {
  const { topics, said_yes_to, said_at, yes, kept } = candidate;
  const shared = topics.slice(0, NEAR_TOPICS).map(({ topic, wanted, similarity }) =>
    similarity === 1 ? topic : `${topic} (like ${wanted}, ${share(similarity)})`);
  return (
    <div class="organiser-why">
      <b>{list(shared)}</b>: yes to <EventName event={said_yes_to} /> at {minute(said_at)}
      {said_yes_to.city !== null && `, ${said_yes_to.city}`}
      {yes > 1 ? `; ${count(yes)} yes lately, ${count(kept)} of them kept` : "; first yes that is known"}
    </div>
  );
}

// Which topics and how far: in the URL, like a filter. Nothing there means what the group or the configuration has.
function Wanted({ about }: { about: desk.About }) {
  const { route } = useApp();
  const chosen = route.own["relevant"] ?? "";
  const farthest = route.own["distance_km"] ?? "";
  const topics = about.relevant.slice(0, TOPICS_SHOWN);
  const left = about.relevant.length - topics.length;
  const distance = (text: string) => {
    const km = Number(text);
    if (text === "" || (km >= 0 && km <= DISTANCE_KM_MAX)) setOwn("distance_km", text);
  };
  const tidy = (text: string) => text.split(",").map((topic) => topic.trim()).filter((topic) => topic !== "").join(",");
  return (
    <div class="organiser-wanted">
      <label>
        <span>Within</span>
        <input
          type="number"
          class="field"
          aria-label="Distance in km"
          min="0"
          max={DISTANCE_KM_MAX}
          value={farthest}
          placeholder={String(about.distance_km)}
          onChange={(event) => distance(event.currentTarget.value)}
        />
        <span>km</span>
      </label>
      <label class="organiser-topics">
        <span>Topics</span>
        <input
          type="text"
          class="field"
          aria-label="Relevant topics, joined by commas"
          value={chosen}
          placeholder={topics.join(", ") + (left > 0 ? ` and ${left} more` : "")}
          onChange={(event) => setOwn("relevant", tidy(event.currentTarget.value))}
        />
      </label>
      {(chosen !== "" || farthest !== "") && (
        <button class="button quiet" onClick={() => go({ own: { ...route.own, relevant: "", distance_km: "" } })}>As before</button>
      )}
    </div>
  );
}

function NoteForm({ name, save, cancel }: { name: string; save: (note: string) => void; cancel: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form
      class="organiser-form"
      onSubmit={(event) => {
        event.preventDefault();
        save(input.current?.value.trim() ?? "");
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        cancel();
      }}
    >
      <input ref={input} type="text" class="field" maxLength={NOTE_CHARACTERS_MAX} aria-label={`Note about ${name}`} placeholder="How, and what about? (if you like)" />
      <button class="button main" type="submit">Note it</button>
      <button class="button quiet" type="button" onClick={cancel}>Cancel</button>
    </form>
  );
}
