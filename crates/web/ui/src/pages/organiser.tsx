// Whom to invite to which of one's events, and whether it worked: in the order in which an organiser
// asks.

import "./organiser.css";

import { useState } from "preact/hooks";

import { useApp } from "../app.ts";
import { count, duration, instant, list, minute, share } from "../format.ts";
import * as desk from "../organiser.ts";
import { Card } from "../parts/card.tsx";
import { Chart } from "../parts/chart.tsx";
import { Empty } from "../parts/empty.tsx";
import { Link } from "../parts/link.tsx";
import { Table } from "../parts/table.tsx";
import { type Answer, useQuery } from "../query.ts";
import { setOwn } from "../route.ts";

// Fewer contacts say nothing of a rate.
const CONTACTS_TO_JUDGE = 10;
const NEAR_TOPICS = 3;

function useDesk<T>(what: string, parameters: desk.Parameters, asked = true): Answer<desk.About & T> {
  const { live } = useApp();
  const key = asked ? desk.place(what, parameters) : undefined;
  return useQuery(key, (signal) => desk.ask<T>(what, parameters, signal), live.news);
}

export function Organiser() {
  const { route, stream } = useApp();
  const { group, topic, relevant, distance_km } = route.own;
  const own: desk.Parameters = { group: group || undefined, topic: topic || undefined };
  const search: desk.Parameters = { ...own, relevant: relevant || undefined, distance_km: distance_km || undefined };
  const events = useDesk<{ events: desk.OwnEvent[] }>("events", search);
  const about = events.data;
  if (events.error !== undefined && about === undefined) return <Empty title="There is no organiser's desk."><p>{events.error.message}</p></Empty>;
  if (about === undefined) return <p class="waiting">Loading…</p>;
  if (about.choice === null) return <Choose />;
  return (
    <>
      <h1 class="unseen">{stream.title}: organiser</h1>
      <Notes about={about} />
      <div class="organiser">
        <Events answer={events} />
        <Candidates about={about} search={search} />
        <Worked search={search} />
        <Contacts own={own} />
      </div>
    </>
  );
}

function Notes({ about }: { about: desk.About }) {
  const { choice, since, as_of } = about;
  if (choice === null) return null;
  return (
    <p class="organiser-note muted">
      Your {choice.by}: <b>{choice.name}</b>.{" "}
      {choice.from === "request" && <button class="text-link" onClick={() => setOwn(choice.by, "")}>Choose another</button>}
      {choice.from === "configuration" && "(from the configuration)"}
      {about.demo_seconds !== null && (
        <><b>Demo:</b> a simulated organiser contacts the best candidate every {duration(about.demo_seconds)}, and the
          simulator lets 3 in 10 of them say yes, more than in life.</>
      )}{" "}
      {since !== null && as_of !== null && `${count(about.responses)} responses are known, all of them since ${instant(since)}.`}
      {!about.members_shown && " Members have pseudonyms here; `privacy.show_members` says where names are shown."}
    </p>
  );
}

function Choose() {
  const { route } = useApp();
  const query = route.own["q"] ?? "";
  const groups = useDesk<{ groups: desk.Group[] }>("groups", { search: query.trim() || undefined });
  return (
    <Empty title="Which group is yours?">
      <p>
        Choose it here, or set <code>organiser.group</code> in the configuration (or <code>organiser.topic</code>, if the
        events of all groups with a topic are yours). Then you see whom to invite to your next events.
      </p>
      <input
        type="search"
        class="field search"
        placeholder="Name of the group (/)"
        aria-label="Name of the group"
        value={query}
        onInput={(event) => setOwn("q", event.currentTarget.value, "replace")}
      />
      {groups.data?.groups.length === 0 && <p class="card-empty">No group of this name has upcoming events among the responses that are known.</p>}
      <ul class="organiser-groups">
        {groups.data?.groups.map(({ urlname, name, city, events, yes }) => (
          <li key={urlname}>
            <Link to={{ own: { group: urlname } }} class="text-link"><bdi>{name ?? urlname}</bdi></Link>
            <span class="muted"> {city}, {count(events)} upcoming, {count(yes)} yes</span>
          </li>
        ))}
      </ul>
    </Empty>
  );
}

function EventName({ event }: { event: desk.EventOf }) {
  const name = <bdi>{event.name ?? event.id}</bdi>;
  const safe = event.url !== null && /^https?:\/\//.test(event.url);
  return safe ? <a class="text-link" href={event.url!} rel="noreferrer" target="_blank">{name}</a> : name;
}

function Events({ answer }: { answer: Answer<desk.About & { events: desk.OwnEvent[] }> }) {
  const { events = [], change_seconds = 0 } = answer.data ?? {};
  return (
    <Card title="Your upcoming events" note={`change over ${duration(change_seconds)}`} answers={[answer]} class="organiser-wide">
      <Table<desk.OwnEvent>
        label="Your upcoming events"
        rows={events}
        keyOf={({ id }) => id}
        empty="No upcoming event of yours is among the responses that are known. It appears with its first response."
        columns={[
          { name: "event", title: "Event", wide: true, cell: (event) => <EventName event={event} /> },
          { name: "when", title: "When", cell: ({ time }) => time && <span class="organiser-time">{instant(time)}</span> },
          { name: "where", title: "Where", cell: ({ city }) => city },
          { name: "yes", title: "Yes", number: true, cell: ({ yes }) => count(yes) },
          { name: "change", title: "Change", number: true, cell: ({ change }) => (change > 0 ? `+${count(change)}` : count(change)) },
          { name: "no", title: "No", number: true, cell: ({ no }) => count(no) },
          { name: "contacts", title: "Contacted", number: true, cell: ({ contacts }) => count(contacts) },
          { name: "conversions", title: "Came of it", number: true, cell: ({ conversions }) => count(conversions) },
        ]}
      />
    </Card>
  );
}

function Candidates({ about, search }: { about: desk.About; search: desk.Parameters }) {
  const [done, setDone] = useState<Record<string, string>>({});
  const answer = useDesk<{ candidates: desk.Candidate[] }>("candidates", { ...search, limit: 30 });
  const contact = async (candidate: desk.Candidate) => {
    setDone((before) => ({ ...before, [candidate.person]: "…" }));
    const result = await desk.contact(candidate, search).then(() => "Contacted", (error: Error) => error.message);
    setDone((before) => ({ ...before, [candidate.person]: result }));
  };
  const topics = about.relevant.slice(0, 12);
  const left = about.relevant.length - topics.length;
  return (
    <Card
      title="Whom to invite"
      note={`said yes elsewhere in the last ${duration(about.recent_seconds)}, within ${count(about.distance_km)} km`}
      answers={[answer]}
      class="organiser-wide"
      foot={
        <>
          Relevant: {list(topics)}{left > 0 && ` and ${left} more`}, and topics that groups often have beside these. Whoever
          was contacted is not offered again for that event, nor for any other within {duration(about.cooling_seconds)}.
        </>
      }
    >
      <Table<desk.Candidate>
        label="Whom to invite"
        rows={answer.data?.candidates ?? []}
        keyOf={({ person }) => person}
        atOnce={10}
        empty="Nobody just now. Allow a longer distance or more topics (`distance_km`, `relevant`), or wait: candidates appear as members say yes."
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
                  title={about.can_contact ? "You have told them; note that" : "This server can only read"}
                  onClick={() => contact(candidate)}
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

function Worked({ search }: { search: desk.Parameters }) {
  const answer = useDesk<desk.Conversions>("conversions", search);
  const data = answer.data;
  const chart = data?.chart;
  const start = chart?.start ? Date.parse(chart.start) : undefined;
  const times = chart === undefined || start === undefined
    ? []
    : chart.others.map((_, index) => start + index * chart.interval_seconds * 1000);
  return (
    <>
      <Card title="Who decided to come" note={chart && `every ${duration(chart.interval_seconds)}`} answers={[answer]}>
        {times.length === 0 && <p class="card-empty">Nobody has said yes to one of your events yet.</p>}
        {chart !== undefined && times.length > 0 && (
          <Chart
            label="Who decided to come, after a contact and without"
            times={times}
            stepSeconds={chart.interval_seconds}
            kind="bars"
            drag={false}
            lines={[
              { name: "after a contact", values: chart.converted, colour: "warm-fill" },
              { name: "by themselves", values: chart.others, colour: "kind-0" },
            ]}
          />
        )}
      </Card>
      <Card
        title="Did it work?"
        answers={[answer]}
        foot={`A contact counts as a conversion when the member says yes to one of your events after it, and not while they take it back. Rates of fewer than ${CONTACTS_TO_JUDGE} contacts are left out.`}
      >
        <p class="organiser-sum">
          {data !== undefined && data.contacts > 0 ? share(data.conversions / data.contacts) : "–"}{" "}
          <small>{data === undefined ? "" : `${count(data.conversions)} of ${count(data.contacts)} contacts led to a yes`}</small>
        </p>
        <Table<desk.Conversions["reasons"][number]>
          label="Conversions by reason"
          rows={data?.reasons ?? []}
          keyOf={({ reason }) => reason}
          atOnce={12}
          empty="By reason, once somebody was contacted."
          columns={[
            { name: "reason", title: "Reason", wide: true, cell: ({ reason }) => <bdi>{reason}</bdi> },
            { name: "of", title: "Contacted", number: true, cell: ({ contacts }) => count(contacts) },
            { name: "came", title: "Came of it", number: true, cell: ({ conversions }) => count(conversions) },
            {
              name: "rate", title: "Rate", number: true,
              cell: ({ contacts, conversions }) => contacts < CONTACTS_TO_JUDGE ? "" : share(conversions / contacts),
            },
          ]}
        />
      </Card>
    </>
  );
}

function Contacts({ own }: { own: desk.Parameters }) {
  const answer = useDesk<{ contacts: desk.Contact[] }>("contacts", own);
  return (
    <Card
      title="Contacted"
      answers={[answer]}
      class="organiser-wide"
      end={<a class="tab" href={desk.place("contacts", { ...own, limit: 1000, format: "csv" })} download>CSV</a>}
    >
      <Table<desk.Contact>
        label="Contacted"
        rows={answer.data?.contacts ?? []}
        keyOf={({ person, event }) => `${person} ${event}`}
        atOnce={10}
        empty="Nobody yet. When you have told a candidate of your event, mark them as contacted above."
        columns={[
          { name: "time", title: "When", cell: ({ time }) => <span class="organiser-time">{instant(time)}</span> },
          { name: "who", title: "Member", cell: ({ name }) => <bdi>{name}</bdi> },
          { name: "what", title: "Event", wide: true, cell: ({ event, event_name }) => <bdi>{event_name ?? event}</bdi> },
          { name: "by", title: "By", cell: ({ by }) => by },
          { name: "came", title: "Said yes", cell: ({ converted }) => (converted === null ? "" : instant(converted)) },
        ]}
      />
    </Card>
  );
}
