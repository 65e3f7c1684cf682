// What is at the top of every page: the filters, the zone, the colours.

import { useEffect, useState } from "preact/hooks";

import { useApp } from "../app.ts";
import { fieldTitle, valueName } from "../descriptor.ts";
import { words } from "../format.ts";
import { go } from "../route.ts";
import { onTheme, theme, toggleTheme } from "../theme.ts";

export function Chips() {
  const { route, stream } = useApp();
  return (
    <>
      {route.filters.map(({ field, value }) => (
        <button
          key={field}
          class="chip"
          onClick={() => go({ filters: route.filters.filter((filter) => filter.field !== field) })}
        >
          <span class="chip-field">{fieldTitle(stream, field)}</span>
          <bdi>{valueName(stream, field, value)}</bdi>
          <span aria-hidden="true">×</span>
          <span class="unseen">: remove this filter</span>
        </button>
      ))}
    </>
  );
}

export function ChooseZone() {
  const { route } = useApp();
  // Hundreds, which are listed for who is about to choose.
  const [all, setAll] = useState(false);
  const list = () => setAll(true);
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const near = [...new Set(["UTC", own, route.zone])];
  const others = all ? Intl.supportedValuesOf("timeZone").filter((zone) => !near.includes(zone)) : [];
  const option = (zone: string) => (
    <option key={zone} value={zone}>{zone === own && zone !== "UTC" ? `${words(zone)} (here)` : zone}</option>
  );
  return (
    <select
      class="field zone"
      aria-label="Time zone"
      title="Time zone of all times"
      value={route.zone}
      onChange={(event) => go({ zone: event.currentTarget.value })}
      onPointerEnter={list}
      onFocus={list}
    >
      {near.map(option)}
      {all && <optgroup label="All zones">{others.map(option)}</optgroup>}
    </select>
  );
}

export function ThemeButton() {
  const [, redraw] = useState(0);
  useEffect(() => onTheme(() => redraw((times) => times + 1)), []);
  const dark = theme() === "dark";
  return (
    <button
      class="button quiet icon"
      aria-label={dark ? "Switch to light" : "Switch to dark"}
      title={dark ? "Light" : "Dark"}
      onClick={toggleTheme}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
      </svg>
    </button>
  );
}
