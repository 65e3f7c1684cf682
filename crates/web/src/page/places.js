// Where the facts of the last window are: a circle for each scope, in the middle of its places.

import { Panel, element, svg } from "./elements.js";
import { count, period, scopeName, words } from "./format.js";

// Degrees: what lies beyond is ice and ocean.
const NORTH = 76;
const SOUTH = -58;
const GRID = 30;
const RADIUS_MAX = 14;
const RADIUS_MIN = 1.2;
// Of a label, in degrees as well.
const LETTER_WIDTH = 8;
const LABEL_HEIGHT = 10;
// How many the text in the place of the map names.
const NAMED = 5;

export class Places {
  constructor(stream) {
    this.stream = stream;
    this.panel = new Panel("places", "Map", [], "");
    this.section = this.panel.section;
    this.figure = element("figure", { className: "map" });
    this.panel.note.after(this.figure);
  }

  show({ activity }) {
    const { from, end, scopes } = activity;
    const placed = scopes.filter(({ place }) => place !== undefined);
    const many = words(this.stream.fact.many);
    const one = words(this.stream.scope.name);
    this.figure.hidden = placed.length === 0;
    this.panel.showNote(
      placed.length === 0
        ? `No ${many} with a place in the window ${period(from, end)}.`
        : `Each circle lies in the middle of the ${many} of a ${one}; its area is their number.`,
    );
    if (placed.length > 0) this.figure.replaceChildren(this.map(placed));
  }

  map(placed) {
    const most = placed.slice(0, NAMED).map(({ scope }) => scopeName(this.stream.scope, scope));
    const image = svg("svg", { viewBox: `-180 ${-NORTH} 360 ${NORTH - SOUTH}`, role: "img" });
    const many = words(this.stream.fact.many);
    image.setAttribute("aria-label", `Map of ${many}; most are in ${most.join(", ")}`);
    image.append(...grid());
    // The small ones last, so that none is hidden.
    const circles = placed.map(({ scope, facts, place }) =>
      ({ scope, facts, place, r: radius(facts, placed[0].facts) }),
    );
    image.append(...circles.map((circle) => this.circle(circle)));
    image.append(...apart(circles).map(label));
    return image;
  }

  circle({ scope, facts, place: { lat, lon }, r }) {
    const circle = svg("circle", { cx: lon, cy: -lat, r });
    const title = svg("title", {});
    title.textContent = `${scopeName(this.stream.scope, scope)}: ${count(facts)}`;
    circle.append(title);
    return circle;
  }
}

// By area, as the eye compares areas.
function radius(facts, largest) {
  return Math.max(RADIUS_MIN, RADIUS_MAX * Math.sqrt(facts / largest));
}

// The largest with room for their labels; the mouse finds the names of the others.
function apart(circles) {
  const chosen = [];
  for (const circle of circles) {
    const { scope, place } = circle;
    const width = (other) => (LETTER_WIDTH * (other.scope.length + scope.length)) / 2;
    const touches = (other) =>
      Math.abs(other.place.lat - place.lat) < LABEL_HEIGHT
      && Math.abs(other.place.lon - place.lon) < width(other);
    if (!chosen.some(touches)) chosen.push(circle);
  }
  return chosen;
}

// Above the circle, unless there is room within.
function label({ scope, place: { lat, lon }, r }) {
  const text = svg("text", { x: lon, y: r > LABEL_HEIGHT / 3 ? 3 - lat : -lat - r - 1 });
  text.textContent = scope;
  return text;
}

function grid() {
  const lines = [];
  for (let lon = -180; lon <= 180; lon += GRID) lines.push([lon, -NORTH, lon, -SOUTH]);
  for (let lat = -GRID; lat <= 2 * GRID; lat += GRID) lines.push([-180, -lat, 180, -lat]);
  return lines.map(([x1, y1, x2, y2]) => svg("line", { x1, y1, x2, y2 }));
}
