// What a stream's description means for the pages.

import type { Facet, Scope, Stream, View } from "./api.ts";
import { heading, words } from "./format.ts";

// What a scope's codes are.
const CODES: Record<string, "region" | "language"> = { country: "region", language: "language" };
const names = new Map<string, Intl.DisplayNames | undefined>();

// Made when they are first asked for: that takes a moment.
function namesOf(values: string): Intl.DisplayNames | undefined {
  if (!names.has(values)) {
    const type = CODES[values];
    names.set(values, type && new Intl.DisplayNames(["en"], { type, fallback: "none" }));
  }
  return names.get(values);
}

const scopeTitles: Record<string, string> = { country: "Countries", language: "Languages" };
const everyScope: Record<string, string> = { country: "Worldwide", language: "All languages" };

// What a fact without a scope has in its place, and codes that say that nobody knows.
const UNKNOWN = new Set(["??", "und", "ZZ"]);

export function scopeTitle({ name, values }: Scope): string {
  return scopeTitles[values] ?? `By ${words(name)}`;
}

export function everywhere({ name, values }: Scope): string {
  return everyScope[values] ?? `Every ${words(name)}`;
}

export function scopeName(scope: Scope, code: string): string {
  if (UNKNOWN.has(code)) return "Unknown";
  try {
    return namesOf(scope.values)?.of(code) ?? code;
  } catch {
    // Not such a code at all.
    return code;
  }
}

// The kind's title; where it is called like the fact itself, that would say nothing.
export function kindTitle(stream: Stream): string {
  return stream.kind.name === stream.fact.one ? "Kind" : heading(stream.kind.name);
}

// What a facet counts, ranks and scores by.
export function counted(stream: Stream, facet: Facet): { one: string; many: string } {
  return facet.counts === "actors" ? { one: "actor", many: "actors" } : stream.fact;
}

// A term's field in documents of trends.
export const termField = (facet: Facet): string => facet.term.one;

export function facetOf(stream: Stream, field: string): Facet | undefined {
  return stream.facets.find((facet) => termField(facet) === field);
}

// A view's title as a place to go to; what its page is about is said there.
export function viewTitle(view: View): string {
  return view.title.replace(/ as of now$/, "");
}

export const batchViews = (views: View[], stream: Stream): View[] =>
  views.filter((view) => view.stream === stream.name && view.kind.startsWith("batch"))
    .concat(views.filter((view) => view.stream === stream.name && view.kind === "now"));

// The name of a value of a field: codes of the scope have names, also those of a part, as `group.country`.
export function valueName({ scope }: Stream, field: string, value: string): string {
  const ofScope = scope !== null && (field === scope.name || field.endsWith(`.${scope.name}`));
  return ofScope ? scopeName(scope, value) : value;
}

export function fieldTitle(stream: Stream, field: string): string {
  return field === stream.kind.name ? kindTitle(stream) : heading(field);
}
