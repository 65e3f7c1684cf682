// Words, numbers and times, as people read them.

const countFormat = new Intl.NumberFormat("en");
const compactFormat = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const rateFormat = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const shareFormat = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const dayFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });
const clockFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });
const namesOf = (type) => new Intl.DisplayNames(["en"], { type, fallback: "none" });
const scopeNames = { country: namesOf("region"), language: namesOf("language") };
const scopeTitles = { country: "Countries", language: "Languages" };
const everyScope = { country: "Worldwide", language: "All languages" };

// What a fact without a scope has in its place, and one whose language nobody knows.
const UNKNOWN = ["??", "und"];

// Names in descriptors have underscores, as SQL needs them.
export function words(name) {
  return name.replaceAll("_", " ");
}

export function heading(name) {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// In full as long as it fits beside others.
export function count(number) {
  return (number < 1e8 ? countFormat : compactFormat).format(number);
}

export function rate(number) {
  return rateFormat.format(number);
}

export function share(number) {
  return shareFormat.format(number);
}

// As shown, so that a mark and the number beside it do not contradict each other.
export function tenths(number) {
  return Number(number.toFixed(1));
}

export function signed(number) {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(1)}`;
}

export function scopeTitle({ name, values }) {
  return scopeTitles[values] ?? `By ${words(name)}`;
}

export function allScopes({ name, values }) {
  return everyScope[values] ?? `Every ${words(name)}`;
}

export function scopeName({ values }, code) {
  if (UNKNOWN.includes(code)) return `Unknown (${code})`;
  try {
    const name = scopeNames[values]?.of(code);
    return name ? `${name} (${code})` : code;
  } catch {
    // Not such a code at all.
    return code;
  }
}

export function period(from, to) {
  return `${dayFormat.format(Date.parse(from))}, ${clock(from)}–${clock(to)} UTC`;
}

// The day is left out where it is that of the time beside it.
export function moment(time, beside) {
  const day = dayFormat.format(Date.parse(time));
  const same = beside !== undefined && day === dayFormat.format(Date.parse(beside));
  return same ? `${clock(time)} UTC` : `${day}, ${clock(time)} UTC`;
}

export function clock(time) {
  return clockFormat.format(typeof time === "number" ? time : Date.parse(time));
}

export function duration(seconds) {
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 7200) return `${Number((seconds / 60).toFixed(1))} min`;
  if (seconds < 172_800) return `${Number((seconds / 3600).toFixed(1))} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
