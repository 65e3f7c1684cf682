// Whom to invite to which of one's events, and whether it worked: in the order in which an organiser
// asks.

import "./organiser.css";

import { useApp } from "../app.ts";
import { Candidates, EventName, useDesk } from "../cards/candidates.tsx";
import { count, duration, instant, share } from "../format.ts";
import * as desk from "../organiser.ts";
import { Card } from "../parts/card.tsx";
import { Chart } from "../parts/chart.tsx";
import { Empty, Loading } from "../parts/empty.tsx";
import { Link } from "../parts/link.tsx";
import { Table } from "../parts/table.tsx";
import type { Answer } from "../query.ts";
import { setOwn } from "../route.ts";

// Fewer contacts say nothing of a rate.
const CONTACTS_TO_JUDGE = 10;

export function Organiser() {
  const { route, stream } = useApp();
  const { relevant, distance_km } = route.own;
  const own: desk.Parameters = { own: route.own["own"] || undefined };
  const search: desk.Parameters = { ...own, relevant: relevant || undefined, distance_km: distance_km || undefined };
  const events = useDesk<{ events: desk.OwnEvent[] }>("events", search);
  const about = events.data;
  if (events.error !== undefined && about === undefined) return <Empty title="The organiser's desk does not answer."><p>{events.error.message}.</p></Empty>;
  if (about === undefined) return <p class="waiting">Loading…</p>;
  if (about.choice === null) return <Choose />;
  return (
    <>
      <h1 class="unseen">{stream.title}: organiser</h1>
      <Notes about={about} group={about.events[0]?.group ?? undefined} />
      <div class="organiser">
        <Events answer={events} />
        <Candidates about={about} search={search} />
        <Worked search={search} />
        <Contacts own={own} />
      </div>
    </>
  );
}

function Notes({ about, group }: { about: desk.About; group: string | undefined }) {
  const { choice, since, as_of } = about;
  if (choice === null) return null;
  return (
    <p class="organiser-note muted">
      Your {choice.by}: <b><bdi>{choice.by === "group" ? group ?? choice.name : choice.name}</bdi></b>.{" "}
      {choice.from === "request" && <button class="text-link" onClick={() => setOwn("own", "")}>Choose another</button>}
      {choice.from === "configuration" && "(from the configuration)"}
      {about.demo_seconds !== null && (
        <><b>Demo:</b> a simulated organiser contacts the best candidate every {duration(about.demo_seconds)}, and the
          simulator lets 3 in 10 of them say yes, more than in life.</>
      )}{" "}
      {since !== null && as_of !== null && `${count(about.responses)} responses are known, all of them since ${instant(since)}.`}
      {!about.members_shown && <> Members have pseudonyms here; <code>privacy.show_members</code> says where names are shown.</>}
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
            <Link to={{ own: { own: `group:${urlname}` } }} class="text-link"><bdi>{name ?? urlname}</bdi></Link>
            <span class="muted">{[city, `${count(events)} upcoming`, `${count(yes)} yes`].filter((text) => text).join(", ")}</span>
          </li>
        ))}
      </ul>
    </Empty>
  );
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
          { name: "where", title: "Where", cell: ({ city }) => <span class="organiser-who">{city}</span> },
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
      <Card title="Who decided to come" note={times.length > 0 && chart !== undefined ? `every ${duration(chart.interval_seconds)}` : undefined} answers={[answer]}>
        {data === undefined && <Loading />}
        {data !== undefined && times.length === 0 && <p class="card-empty">Nobody has said yes to one of your events yet.</p>}
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
        {data === undefined && <Loading />}
        {data?.contacts === 0 && (
          <p class="card-empty">
            Nobody has been contacted yet. Tell somebody whom this page offers of your event, and mark them as contacted: then
            you see here how many said yes, and for which reasons.
          </p>
        )}
        {data !== undefined && data.contacts > 0 && <Rates {...data} />}
      </Card>
    </>
  );
}

function Rates({ contacts, conversions, reasons }: desk.Conversions) {
  return (
    <>
      <Headline contacts={contacts} conversions={conversions} />
      <Table<desk.Conversions["reasons"][number]>
        label="Conversions by reason"
        rows={reasons}
        keyOf={({ reason }) => reason}
        atOnce={12}
        empty="The reasons of these contacts are not known."
        columns={[
          { name: "reason", title: "Reason", wide: true, cell: ({ reason }) => <bdi>{reason}</bdi> },
          { name: "of", title: "Contacted", number: true, cell: ({ contacts: of }) => count(of) },
          { name: "came", title: "Came of it", number: true, cell: ({ conversions: came }) => count(came) },
          {
            name: "rate", title: "Rate", number: true,
            cell: ({ contacts: of, conversions: came }) => of < CONTACTS_TO_JUDGE ? "" : share(came / of),
          },
        ]}
      />
    </>
  );
}

// A rate of few contacts would say more than is known.
function Headline({ contacts, conversions }: { contacts: number; conversions: number }) {
  const of = `${count(conversions)} of ${count(contacts)}`;
  if (contacts < CONTACTS_TO_JUDGE) {
    return <p class="organiser-sum">{of} <small>{contacts === 1 ? "contact" : "contacts"} led to a yes</small></p>;
  }
  return <p class="organiser-sum">{share(conversions / contacts)} <small>{of} contacts led to a yes</small></p>;
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
        empty={answer.data === undefined ? <Loading /> : "Nobody yet. When you have told a candidate of your event, mark them as contacted above."}
        columns={[
          { name: "time", title: "When", cell: ({ time }) => <span class="organiser-time">{instant(time)}</span> },
          { name: "who", title: "Member", cell: ({ name }) => <bdi class="organiser-who">{name}</bdi> },
          { name: "what", title: "Event", wide: true, cell: ({ event, event_name }) => <bdi>{event_name ?? event}</bdi> },
          { name: "note", title: "Note", cell: ({ note }) => <bdi class="organiser-noted">{note}</bdi> },
          { name: "by", title: "By", cell: ({ by }) => by },
          { name: "came", title: "Said yes", cell: ({ converted }) => (converted === null ? "" : instant(converted)) },
        ]}
      />
    </Card>
  );
}
