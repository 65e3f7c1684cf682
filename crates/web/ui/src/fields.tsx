// Fields of documents: what they are called, how they are shown, and which of them can be added up.

import type { ComponentChildren } from "preact";

import type { Document, Field, Stream, View } from "./api.ts";
import { facetOf } from "./descriptor.ts";
import { calendarDay, count, duration, heading, moment } from "./format.ts";
import { Value } from "./parts/link.tsx";
import type { Filter } from "./route.ts";

export const TIME = "@timestamp";
const LIST_SHOWN = 4;

// Objects are nested in documents; their fields are named like `group.id`.
export function valueAt(document: Document, name: string): unknown {
  if (name in document) return document[name];
  return name.split(".").reduce<unknown>(
    (value, part) => (typeof value === "object" && value !== null ? (value as Record<string, unknown>)[part] : undefined),
    document,
  );
}

export function isNumber({ type }: Field): boolean {
  return type === "integer" || type === "float";
}

// A number that says how much, and not which one.
export function isMeasure(field: Field): boolean {
  if (field.functions !== undefined) return field.functions.length > 0;
  return isNumber(field) && !isId(field);
}

function isId({ name }: Field): boolean {
  return /(^|[._])(id|offset|partition)$/.test(name);
}

export function title({ name }: Field): string {
  return name === TIME ? "Time" : heading(name.replace(/_(seconds|ms)$/, ""));
}

// The field of facts that a filter is on: terms are in the list of their facet.
export function fieldOf(view: View, stream: Stream, filter: string): Field | undefined {
  const named = (name: string | undefined) => view.fields.find((field) => field.name === name);
  return named(filter) ?? named(facetOf(stream, filter)?.term.many);
}

// The filters that the store takes itself: on texts, on lists of them, and on the scope by its name. Of
// several on one field it takes one: it would let any of them through.
export function askedFilters(view: View, stream: Stream, filters: Filter[]): Record<string, string> {
  return Object.fromEntries(filters.flatMap(({ field: name, value }) => {
    if (view.parameters.includes(name)) return [[name, value]];
    const field = fieldOf(view, stream, name);
    return field?.filter === true ? [[field.name, value]] : [];
  }));
}

// Whether a document has what all filters ask for. Filters on fields that the view does not have
// are passed over; the page says so.
export function passes(document: Document, view: View, stream: Stream, filters: Filter[]): boolean {
  return filters.every(({ field: name, value }) => {
    const field = fieldOf(view, stream, name);
    if (field === undefined) return true;
    const own = valueAt(document, field.name);
    return Array.isArray(own) ? own.includes(value) : String(own) === value;
  });
}

export function textsOf(document: Document, fields: Field[]): string[] {
  return fields.flatMap(({ name }) => {
    const value = valueAt(document, name);
    return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
  });
}

export function sortValue(document: Document, { name, type }: Field): string | number | undefined {
  const value = valueAt(document, name);
  if (value === undefined || value === null) return undefined;
  if (type === "time") return Date.parse(String(value));
  if (typeof value === "number") return value;
  return Array.isArray(value) ? value.join(" ") : String(value);
}

export function plain(document: Document, { name, type }: Field): string | number | undefined {
  const value = valueAt(document, name);
  if (value === undefined || value === null) return undefined;
  if (type === "location") {
    const { lat, lon } = value as { lat: number; lon: number };
    return `${lat},${lon}`;
  }
  if (typeof value === "number") return value;
  return Array.isArray(value) ? value.join(" | ") : typeof value === "object" ? JSON.stringify(value) : String(value);
}

interface FieldValueProps {
  document: Document;
  field: Field;
  stream: Stream;
  // Shows all items of a list.
  whole?: boolean;
}

export function FieldValue({ document, field, stream, whole = false }: FieldValueProps): ComponentChildren {
  const value = valueAt(document, field.name);
  if (value === undefined || value === null) return <span class="muted">–</span>;
  switch (field.type) {
    case "time": return <time dateTime={String(value)}>{moment(String(value))}</time>;
    case "day": return <Value field={field.name} value={String(value)}><time>{calendarDay(String(value))}</time></Value>;
    case "location": {
      const { lat, lon } = value as { lat: number; lon: number };
      return `${lat.toFixed(2)}, ${lon.toFixed(2)}`;
    }
    case "text-list": {
      const values = value as string[];
      return <List field={field} values={values} shown={whole ? values.length : LIST_SHOWN} stream={stream} />;
    }
    case "integer":
    case "float":
      if (isId(field)) return <Value field={field.name} value={String(value)} />;
      return amountOf(field, value as number);
    case "text": return <Text field={field} value={String(value)} />;
    default: return String(value);
  }
}

// The unit is in the name.
function amountOf({ name }: Field, value: number): string {
  if (name.endsWith("_seconds")) return duration(value);
  return name.endsWith("_ms") ? duration(value / 1000) : count(value);
}

function Text({ field, value }: { field: Field; value: string }) {
  // Only what a browser may open; anything else stays text.
  if (/^https?:\/\//.test(value)) {
    return <a class="link field-url" href={value} rel="noreferrer noopener" target="_blank">{value.replace(/^https?:\/\//, "")}</a>;
  }
  return <Value field={field.name} value={value} />;
}

function List({ field, values, shown, stream }: { field: Field; values: string[]; shown: number; stream: Stream }) {
  const facet = stream.facets.find(({ term }) => term.many === field.name);
  const filter = facet?.term.one ?? (field.filter === true ? field.name : undefined);
  const left = values.length - shown;
  return (
    <span class="field-list">
      {values.slice(0, shown).map((value) => (
        filter === undefined
          ? <bdi key={value}>{value}</bdi>
          : <Value key={value} field={filter} value={value}><bdi>{value}</bdi></Value>
      ))}
      {left > 0 && <span class="muted" title={values.slice(shown).join(", ")}>+{left}</span>}
    </span>
  );
}
