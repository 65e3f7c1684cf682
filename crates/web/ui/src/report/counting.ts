// Counts rows of a report under filters. Each question is one pass over the rows.

import type { Filter } from "../route.ts";
import type { Span } from "../range.ts";
import type { Data, Dimension } from "./data.ts";

export interface Amounts {
  facts: number;
  sums: number[];
  // Undefined where people are not known under these filters.
  people: number | undefined;
}

export interface Row extends Amounts {
  // The place of the value in its dimension.
  at: number;
}

// What of the rows passes: a row has a bit for each filter that it fails.
export interface Passing {
  fails: Uint32Array;
  // By name of the dimension.
  bits: Map<string, number>;
  // All of the time, and no filter.
  whole: boolean;
}

const TIME = 1;

const placeOf = (dimension: Dimension, value: string): number => dimension.values.indexOf(value);

// The sets of a dimension that have a value.
function withValue({ sets, values }: Dimension, place: number): Uint8Array {
  if (sets === null) {
    const has = new Uint8Array(values.length + 1);
    if (place >= 0) has[place + 1] = 1;
    return has;
  }
  return Uint8Array.from(sets, (set) => (set.includes(place) ? 1 : 0));
}

export function passing(data: Data, filters: Filter[], span: Span | undefined): Passing {
  const { times } = data;
  const fails = new Uint32Array(times.length);
  const bits = new Map<string, number>();
  if (span !== undefined) {
    for (let row = 0; row < times.length; row += 1) {
      if (times[row]! < span.from || times[row]! >= span.to) fails[row] = TIME;
    }
  }
  for (const { field, value } of filters) {
    const dimension = data.header.layout.dimensions.find(({ name }) => name === field);
    if (dimension === undefined || bits.has(field)) continue;
    const bit = TIME << (bits.size + 1);
    bits.set(field, bit);
    const has = withValue(dimension, placeOf(dimension, value));
    const { column } = dimension;
    for (let row = 0; row < column.length; row += 1) if (has[column[row]!] === 0) fails[row]! |= bit;
  }
  return { fails, bits, whole: span === undefined && bits.size === 0 };
}

// Rows by person, so that a person's rows stand together.
const orders = new WeakMap<Data, Uint32Array>();

function byPerson(data: Data): Uint32Array | undefined {
  const { people } = data;
  if (people === undefined) return undefined;
  let order = orders.get(data);
  if (order === undefined) {
    const ends = new Uint32Array(data.header.layout.people! + 1);
    for (const person of people) ends[person + 1]! += 1;
    for (let person = 1; person < ends.length; person += 1) ends[person]! += ends[person - 1]!;
    order = new Uint32Array(people.length);
    for (let row = 0; row < people.length; row += 1) order[ends[people[row]!]!++] = row;
    orders.set(data, order);
  }
  return order;
}

export function totals(data: Data, { fails, whole }: Passing): Amounts {
  let facts = 0;
  const sums = data.sums.map(() => 0);
  for (let row = 0; row < fails.length; row += 1) {
    if (fails[row] !== 0) continue;
    facts += data.counts[row]!;
    data.sums.forEach((column, sum) => (sums[sum]! += column[row]!));
  }
  return { facts, sums, people: whole ? data.header.people ?? undefined : distinct(data, fails) };
}

function distinct({ people, header }: Data, fails: Uint32Array): number | undefined {
  if (people === undefined) return undefined;
  const seen = new Uint8Array(header.layout.people!);
  let number = 0;
  for (let row = 0; row < fails.length; row += 1) {
    const person = people[row]!;
    if (fails[row] !== 0 || seen[person] === 1) continue;
    seen[person] = 1;
    number += 1;
  }
  return number;
}

export interface Breakdown {
  // The largest first.
  rows: Row[];
  // Facts that have no value.
  none: number;
  total: number;
}

// By the values of a dimension, whatever value of it is chosen.
export function breakdown(data: Data, { fails, bits }: Passing, dimension: Dimension): Breakdown {
  const { counts, sums, people } = data;
  const { column, sets, values } = dimension;
  const others = ~(bits.get(dimension.name) ?? 0);
  const facts = new Float64Array(values.length);
  const added = sums.map(() => new Float64Array(values.length));
  const persons = new Uint32Array(values.length);
  const last = new Int32Array(values.length).fill(-1);
  const order = byPerson(data);
  let [none, total] = [0, 0];
  const add = (value: number, row: number) => {
    facts[value]! += counts[row]!;
    for (let sum = 0; sum < sums.length; sum += 1) added[sum]![value]! += sums[sum]![row]!;
    if (people === undefined || last[value] === people[row]) return;
    last[value] = people[row]!;
    persons[value]! += 1;
  };
  for (let index = 0; index < fails.length; index += 1) {
    const row = order === undefined ? index : order[index]!;
    if ((fails[row]! & others) !== 0) continue;
    total += counts[row]!;
    const set = column[row]!;
    if (sets === null) {
      if (set === 0) none += counts[row]!;
      else add(set - 1, row);
      continue;
    }
    const found = sets[set]!;
    if (found.length === 0) none += counts[row]!;
    for (const value of found) add(value, row);
  }
  const rows: Row[] = [];
  facts.forEach((number, at) => {
    if (number > 0) rows.push({ at, facts: number, sums: added.map((sum) => sum[at]!), people: people && persons[at]! });
  });
  // Of equal ones, the more frequent over all.
  rows.sort((a, b) => b.facts - a.facts || a.at - b.at);
  return { rows, none, total };
}

// Facts in each step of time, by group. `stepOf` has the step of each row, or -1; `groupOf` those of a set.
export function overTime(
  data: Data,
  fails: Uint32Array,
  ignored: number,
  stepOf: Int32Array,
  steps: number,
  column: Uint32Array | undefined,
  groupOf: (set: number) => readonly number[],
  groups: number,
): Float64Array[] {
  const found = Array.from({ length: groups }, () => new Float64Array(steps));
  for (let row = 0; row < fails.length; row += 1) {
    const step = stepOf[row]!;
    if (step < 0 || (fails[row]! & ~ignored) !== 0) continue;
    for (const group of groupOf(column === undefined ? 0 : column[row]!)) found[group]![step]! += data.counts[row]!;
  }
  return found;
}
