// What is inside the file: the numbers of a report, as `pulso report` packed them (crates/pulso/src/report/encode.rs).

import type { Stream } from "../api.ts";

export interface Dimension {
  name: string;
  facet: boolean;
  // The most frequent first.
  values: string[];
  // By place, where the name is not the value itself.
  names: Record<number, string>;
  // The place of the value that stands for rare ones, and how many these are.
  rare: number | null;
  rare_values: number;
  // What facts have together, as places of values; null where each has one at most: then it is the place plus one.
  sets: number[][] | null;
  by_person: boolean;
  // By row.
  column: Uint32Array;
}

export interface Example {
  place: string;
  reason: string;
  detail: string;
}

export interface Header {
  source: string;
  program: string;
  made: string;
  from_log: boolean;
  gone: number;
  asked_from: string | null;
  asked_to: string | null;
  outcomes: {
    messages: number;
    facts: number;
    echoes: number;
    outside: number;
    skipped: Record<string, number>;
    dead_letters: Record<string, number>;
    examples: Example[];
  };
  stream: Stream;
  first: number;
  last: number;
  total: number;
  total_sums: number[];
  // Null where people are not told apart at all.
  people: number | null;
  person: [string, string] | null;
  per_day: boolean;
  left_out_personal: string[];
  left_out_many: string[];
  rare_below: number;
  layout: {
    unit_minutes: number;
    rows: number;
    people: number | null;
    dimensions: Dimension[];
    sums: string[];
  };
}

export interface Data {
  header: Header;
  // The shapes of countries, where the stream has countries.
  world: unknown;
  // Starts of the rows' times, in ms.
  times: Float64Array;
  // By row; undefined where rows do not tell people apart.
  people: Uint32Array | undefined;
  counts: Float64Array;
  sums: Float64Array[];
}

const MINUTE_MS = 60_000;

export async function read(base64: string): Promise<Data> {
  const text = atob(base64.trim());
  const packed = Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let at = 0;
  const json = (): unknown => {
    const length = new DataView(bytes.buffer).getUint32(at, true);
    at += 4 + length;
    return JSON.parse(new TextDecoder().decode(bytes.subarray(at - length, at)));
  };
  const header = json() as Header;
  const world = json();
  return { header, world, ...rows(header, bytes.subarray(at)) };
}

function rows({ layout }: Header, bytes: Uint8Array): Pick<Data, "times" | "people" | "counts" | "sums"> {
  const { rows, dimensions, unit_minutes: unit } = layout;
  let at = 0;
  // LEB128. Sums are larger than the bits of an integer here.
  const next = (): number => {
    let [number, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at++]!;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80) return number;
      factor *= 128;
    }
  };
  const differences = <Column extends Float64Array | Uint32Array>(column: Column, factor: number): Column => {
    let before = 0;
    for (let row = 0; row < rows; row += 1) {
      const zigzag = next();
      before += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      column[row] = before * factor;
    }
    return column;
  };
  const column = <Column extends Float64Array | Uint32Array>(made: Column): Column => {
    for (let row = 0; row < made.length; row += 1) made[row] = next();
    return made;
  };
  const times = differences(new Float64Array(rows), unit * MINUTE_MS);
  const people = layout.people === null ? undefined : differences(new Uint32Array(rows), 1);
  for (const dimension of dimensions) if (!dimension.by_person) dimension.column = column(new Uint32Array(rows));
  const counts = column(new Float64Array(rows));
  const sums = layout.sums.map(() => column(new Float64Array(rows)));
  for (const dimension of dimensions) {
    if (!dimension.by_person) continue;
    const ofPeople = column(new Uint32Array(layout.people!));
    dimension.column = Uint32Array.from(people!, (person) => ofPeople[person]!);
  }
  return { times, people, counts, sums };
}
