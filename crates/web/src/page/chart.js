// Draws facts over time: a bar for each pane, its kinds upon each other.

import { sum } from "./activity.js";
import { element, svg } from "./elements.js";
import { clock, count, duration, heading, rate, words } from "./format.js";

// Colours of the style sheet; the last is for all further kinds.
const COLOURS = 8;
const HEIGHT = 100;

export function chart(stream, panes, slideSeconds) {
  const heights = panes.map(({ counts }) => sum(counts));
  const largest = Math.max(...heights);
  const many = words(stream.fact.many);
  const every = duration(slideSeconds);
  const last = heights.at(-1);
  const text = `${count(last)} ${many} in the last ${every} (${rate(last / slideSeconds)} per second); `
    + `the highest bar is ${count(largest)}`;
  const end = panes.at(-1).start + slideSeconds * 1000;
  const axis = element(
    "div",
    { className: "axis", ariaHidden: "true" },
    element("span", { textContent: clock(panes[0].start) }),
    element("span", { textContent: `${clock(end)} UTC` }),
  );
  const label = `${heading(many)} every ${every} by kind, from ${clock(panes[0].start)} to `
    + `${clock(end)} UTC: between ${count(Math.min(...heights))} and ${count(largest)}`;
  const kinds = stream.kind.values;
  const image = svg("svg", { viewBox: `0 0 ${panes.length} ${HEIGHT}`, preserveAspectRatio: "none" });
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", label);
  image.append(...panes.map((pane, index) => bar(pane, index, { largest, kinds, slideSeconds })));
  const caption = element("figcaption", { className: "note", textContent: text });
  return [caption, image, axis];
}

// One pane: its kinds upon each other, and what the mouse shows of it.
function bar({ start, counts }, index, { largest, kinds, slideSeconds }) {
  const group = svg("g", {});
  let top = HEIGHT;
  counts.forEach((facts, kind) => {
    const height = (facts / largest) * HEIGHT;
    top -= height;
    if (facts === 0) return;
    const part = svg("rect", { x: index + 0.08, y: top, width: 0.84, height });
    part.classList.add(colour(kind));
    group.append(part);
  });
  const parts = kinds.map((kind, at) => `${count(counts[at])} ${kind}`).join(", ");
  const title = svg("title", {});
  title.textContent = `${clock(start)}–${clock(start + slideSeconds * 1000)} UTC: ${parts}`;
  // So that the mouse finds the pane above its bar, too.
  group.append(svg("rect", { x: index, y: 0, width: 1, height: HEIGHT, fill: "transparent" }), title);
  return group;
}

export function withSwatch(cell, kind) {
  const swatch = svg("svg", { viewBox: "0 0 1 1", class: "swatch", "aria-hidden": "true" });
  const square = svg("rect", { width: 1, height: 1 });
  square.classList.add(colour(kind));
  swatch.append(square);
  cell.prepend(swatch);
  return cell;
}

function colour(kind) {
  return `kind-${Math.min(kind, COLOURS - 1)}`;
}
