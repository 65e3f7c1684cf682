// Adds a filter by hand: by a field of the stream and one of its values.

import "./add-filter.css";

import { useEffect, useId, useRef, useState } from "preact/hooks";

import * as api from "../api.ts";
import { spanKey, useApp } from "../app.ts";
import { fieldTitle, scopeName, termField } from "../descriptor.ts";
import { iso } from "../format.ts";
import { useQuery } from "../query.ts";
import { go, toggled } from "../route.ts";

const OFFERED = 200;

export function AddFilter() {
  const { route, stream } = useApp();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const fields = [
    ...(stream.scope === null ? [] : [stream.scope.name]),
    ...(stream.kind.values.length > 1 ? [stream.kind.name] : []),
    ...stream.facets.map(termField),
  ];
  const [field, setField] = useState(fields[0] ?? "");
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [open]);
  if (fields.length === 0) return null;
  const set = (value: string) => {
    setOpen(false);
    if (value !== "") go({ filters: toggled(route.filters.filter((filter) => filter.field !== field), field, value) });
  };
  return (
    <div
      class="add-filter"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        event.preventDefault();
        setOpen(false);
      }}
    >
      <button class="button quiet" aria-expanded={open} onClick={() => setOpen(!open)}>+ Filter</button>
      {open && (
        <div class="add-filter-box" role="dialog" aria-label="Add a filter">
          <select class="field" aria-label="Field" value={fields.includes(field) ? field : fields[0]} onChange={(event) => setField(event.currentTarget.value)}>
            {fields.map((name) => <option key={name} value={name}>{fieldTitle(stream, name)}</option>)}
          </select>
          <Values key={field} field={field} set={set} />
        </div>
      )}
    </div>
  );
}

function Values({ field, set }: { field: string; set: (value: string) => void }) {
  const app = useApp();
  const { stream, span } = app;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const facet = stream.facets.find((known) => termField(known) === field);
  const isKind = field === stream.kind.name;
  const query = {
    view: facet?.view ?? stream.activity_view,
    field: facet === undefined ? stream.fact.many : "count",
    by: field,
    ...(span && { from: iso(span.from), to: iso(span.to + 1) }),
    limit: OFFERED,
  };
  const asked = isKind || span === undefined ? undefined : `${spanKey(app)} ${field}`;
  const found = useQuery(asked, (signal) => api.top(query, signal));
  const values = isKind ? stream.kind.values : (found.data?.groups.map(({ name }) => name) ?? []);
  const named = values.map((value) => ({
    value,
    name: field === stream.scope?.name ? scopeName(stream.scope, value) : value,
  }));
  // A name that was chosen stands for its value.
  const valueOf = (text: string) => named.find(({ name }) => name.toLowerCase() === text.toLowerCase())?.value ?? text;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        set(valueOf(input.current?.value.trim() ?? ""));
      }}
    >
      <input
        class="field"
        ref={input}
        list={id}
        aria-label="Value"
        placeholder="Value"
        autocomplete="off"
        onInput={(event) => named.some(({ name }) => name === event.currentTarget.value) && set(valueOf(event.currentTarget.value))}
      />
      <datalist id={id}>{named.map(({ name, value }) => <option key={value} value={name} />)}</datalist>
      <button class="button">Filter</button>
    </form>
  );
}
