// Words, numbers and times, as people read them. Times are in one zone everywhere: that of the URL.

const MINUS = "−";

const counts = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const rates = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const percents = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

// In full as long as it fits beside others.
export function count(number: number): string {
  const text = Math.abs(number) < 1e7 ? counts.format(number) : compact.format(number);
  return text.replace("-", MINUS);
}

// Numbers along an axis, all written alike.
export function along(numbers: number[]): string[] {
  const long = numbers.some((number) => Math.abs(number) >= 10_000);
  return numbers.map((number) => (long ? compact : counts).format(number).replace("-", MINUS));
}

export const rate = (number: number): string => rates.format(number);

export const share = (part: number): string => percents.format(part);

// As a score is shown, so that a mark and the number beside it do not contradict each other.
export function score(number: number): string {
  return `${number < 0 ? MINUS : ""}${Math.abs(number).toFixed(1)}`;
}

// How much larger a number is than the one before; nothing where there is nothing to compare.
export function change(now: number, before: number | undefined): string {
  if (before === undefined || before === 0) return "";
  const part = now / before - 1;
  if (Math.abs(part) < 0.0005) return "±0%";
  const text = Math.abs(part) >= 10 ? `${(part + 1).toFixed(0)}×` : `${(Math.abs(part) * 100).toFixed(Math.abs(part) < 0.1 ? 1 : 0)}%`;
  return Math.abs(part) >= 10 ? text : `${part < 0 ? MINUS : "+"}${text}`;
}

export function bytes(number: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let left = number;
  while (left >= 1000 && unit < units.length - 1) {
    left /= 1000;
    unit += 1;
  }
  return `${rates.format(left)} ${units[unit]}`;
}

// A sum as people read it: bytes have units of their own.
export const amount = (name: string, number: number): string => (name === "bytes" ? bytes(number) : count(number));

// Names in descriptors have underscores, as SQL needs them.
export function words(name: string): string {
  return name.replaceAll("_", " ").replaceAll("-", " ").replaceAll(".", " ");
}

export function heading(name: string): string {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// "1 topic", "2 topics".
export function many(number: number, { one, many: more }: { one: string; many: string }): string {
  return `${count(number)} ${words(number === 1 ? one : more)}`;
}

export function list(texts: string[]): string {
  return new Intl.ListFormat("en-GB").format(texts);
}

const round = (value: number) => Number(value.toFixed(value < 10 ? 1 : 0));

export function duration(seconds: number): string {
  if (seconds < 0.1 && seconds > 0) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${round(seconds)} s`;
  if (seconds < 3600) return `${round(seconds / 60)} min`;
  if (seconds < 172_800) return `${round(seconds / 3600)} h`;
  if (seconds < 730 * 86_400) return `${Math.round(seconds / 86_400)} days`;
  // As with an age, what is not over does not count.
  return `${Math.floor((seconds / (365.25 * 86_400)) * 10) / 10} years`;
}

// How long ago something was: in whole units that have passed, as people count years and days.
export function ago(seconds: number): string {
  const passed = (unit: number, one: string, more: string) => {
    const number = Math.floor(seconds / unit);
    return `${number} ${number === 1 ? one : more} ago`;
  };
  if (seconds < 60) return passed(1, "s", "s");
  if (seconds < 3600) return passed(60, "min", "min");
  if (seconds < 172_800) return passed(3600, "h", "h");
  if (seconds < 730.5 * 86_400) return passed(86_400, "day", "days");
  return passed(365.25 * 86_400, "year", "years");
}

// --- Times

let zone = "UTC";
let formats = new Map<string, Intl.DateTimeFormat>();

export function setZone(name: string): void {
  if (name === zone) return;
  zone = name;
  formats = new Map();
}

export const theZone = (): string => zone;

// The name that stands beside times.
export function zoneName(): string {
  if (zone === "UTC") return "UTC";
  const parts = format("zone", { timeZoneName: "short" }).formatToParts(Date.now());
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  let made = formats.get(name);
  if (made === undefined) {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
    formats.set(name, made);
  }
  return made;
}

type Time = string | number;

const at = (time: Time): number => (typeof time === "number" ? time : Date.parse(time));

export function clock(time: Time): string {
  return format("clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at(time));
}

export function minute(time: Time): string {
  return format("minute", { hour: "2-digit", minute: "2-digit" }).format(at(time));
}

export function hourOf(time: Time): number {
  return Number(format("hour", { hour: "2-digit", hourCycle: "h23" }).format(at(time)));
}

export function day(time: Time): string {
  return format("day", { day: "numeric", month: "short", year: "numeric" }).format(at(time));
}

export function dayShort(time: Time): string {
  return format("dayShort", { weekday: "short", day: "numeric", month: "short" }).format(at(time));
}

// A calendar day of UTC, such as a batch view's key; no zone may move it.
export function calendarDay(text: string): string {
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric" };
  return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }).format(Date.parse(text));
}

// The day is left out where it is today's.
export function moment(time: Time, now = Date.now()): string {
  return day(time) === day(now) ? clock(time) : `${day(time)}, ${clock(time)}`;
}

export function instant(time: Time): string {
  return `${day(time)}, ${clock(time)}`;
}

export function period(from: Time, to: Time): string {
  const clocks = at(to) - at(from) > 3 * 3_600_000 ? minute : clock;
  if (day(from) === day(to)) {
    const prefix = day(to) === day(Date.now()) ? "" : `${day(from)}, `;
    return `${prefix}${clocks(from)}–${clocks(to)}`;
  }
  return `${dayShort(from)} ${clocks(from)} – ${dayShort(to)} ${clocks(to)}`;
}

export function iso(time: number): string {
  return new Date(time).toISOString();
}
