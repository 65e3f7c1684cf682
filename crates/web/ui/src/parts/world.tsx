// A map of the world: countries shaded by their number, circles at places.

import "./world.css";

import { geoEqualEarthRaw } from "d3-geo";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { ANSWER_MS_MAX } from "../api.ts";
import { count, share } from "../format.ts";
import { LAST, inOrder } from "../query.ts";

export interface Circle {
  key: string;
  name: string;
  lat: number;
  lon: number;
  number: number;
}

interface Props {
  label: string;
  unit: string;
  // By code of the country.
  countries: Map<string, number>;
  nameOf: (code: string) => string;
  circles: Circle[];
  chosen?: string | undefined;
  choose: (code: string) => void;
  chooseCircle?: (circle: Circle) => void;
  // What the darkest shade and the largest circle mean; fixed while a day is played.
  most?: number | undefined;
  mostCircle?: number | undefined;
}

// As `build.mjs` projects it.
interface Atlas {
  scale: number;
  translate: [number, number];
  grid: string;
  countries: { code: string; path: string }[];
  points: Record<string, [number, number]>;
}

// As `build.mjs` has it.
const WIDTH = 960;
const HEIGHT = 470;
const ZOOM_MAX = 24;
const CIRCLE_MAX = 14;

let atlas: Promise<Atlas> | undefined;

let fetchAtlas = async (): Promise<Atlas> => {
  const response = await fetch("/world.json", { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  return response.json();
};

// A page that brings the shapes asks nobody for them.
export function bringAtlas(world: unknown): void {
  fetchAtlas = async () => world as Atlas;
}

function loadAtlas(): Promise<Atlas> {
  atlas ??= fetchAtlas();
  atlas.catch(() => (atlas = undefined));
  return atlas;
}

// Where a place is on the map.
function project({ scale, translate: [x, y] }: Atlas, lon: number, lat: number): [number, number] {
  const radians = Math.PI / 180;
  const [right, up] = geoEqualEarthRaw(lon * radians, lat * radians);
  return [x + scale * right, y - scale * up];
}

interface Place {
  x: number;
  y: number;
  scale: number;
}

const WHOLE: Place = { x: 0, y: 0, scale: 1 };

export function World(props: Props) {
  const { label, unit, countries, nameOf, circles, chosen, choose } = props;
  const [shapes, setShapes] = useState<Atlas>();
  const [failed, setFailed] = useState(false);
  // Numbers come before shapes, but both are asked for before the page is painted.
  useLayoutEffect(() => inOrder(LAST, () => loadAtlas().then(setShapes, () => setFailed(true))), []);
  const [pointed, setPointed] = useState<{ name: string; number: number }>();
  const view = useZoom();
  const total = useMemo(() => [...countries.values()].reduce((sum, number) => sum + number, 0), [countries]);
  if (failed) return <p class="card-empty">The map could not be loaded.</p>;
  if (shapes === undefined) return <div class="world" />;

  const most = props.most ?? Math.max(...countries.values(), 1);
  const mostCircle = props.mostCircle ?? Math.max(...circles.map(({ number }) => number), 1);
  const shade = (code: string) => Math.sqrt(Math.min(1, (countries.get(code) ?? 0) / most));
  const { x, y, scale } = view.place;
  const events = (code: string) => ({
    onPointerEnter: () => setPointed({ name: nameOf(code), number: countries.get(code) ?? 0 }),
    onPointerLeave: () => setPointed(undefined),
    onClick: () => !view.moved() && countries.has(code) && choose(code),
  });
  const size = scale ** 0.75;
  return (
    <div class="world">
      <svg ref={view.svg} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label} class={view.dragging ? "dragging" : ""}>
        <g transform={`translate(${x} ${y}) scale(${scale})`}>
          <path class="world-grid" d={shapes.grid} />
          {shapes.countries.map(({ code, path }) => (
            <path
              key={code || path.slice(0, 16)}
              class={classOf(code, countries, chosen)}
              d={path}
              style={{ "--shade": `${(shade(code) * 100).toFixed(1)}%` }}
              {...events(code)}
            />
          ))}
          {Object.entries(shapes.points).filter(([code]) => countries.has(code)).map(([code, at]) => (
            <circle
              key={code}
              class={`${classOf(code, countries, chosen)} point`}
              cx={at[0]}
              cy={at[1]}
              r={3.2 / size}
              style={{ "--shade": `${(shade(code) * 100).toFixed(1)}%` }}
              {...events(code)}
            />
          ))}
          {circles.map((circle) => {
            const at = project(shapes, circle.lon, circle.lat);
            return (
              <circle
                key={circle.key}
                class="world-circle"
                cx={at[0]}
                cy={at[1]}
                r={Math.max(1.5, CIRCLE_MAX * Math.sqrt(circle.number / mostCircle)) / size}
                onPointerEnter={() => setPointed(circle)}
                onPointerLeave={() => setPointed(undefined)}
                onClick={() => !view.moved() && props.chooseCircle?.(circle)}
              />
            );
          })}
        </g>
      </svg>
      <div class="world-pointed" aria-hidden="true">
        {pointed && (
          <>
            <b>{pointed.name}</b> {pointed.number === 0 ? `no ${unit}` : `${count(pointed.number)} ${unit}`}
            {total > 0 && pointed.number > 0 && countries.size > 0 && <span class="muted"> {share(pointed.number / total)}</span>}
          </>
        )}
      </div>
      <div class="world-zoom">
        <button class="button" aria-label="Zoom in" onClick={() => view.zoom(1.8)}>+</button>
        <button class="button" aria-label="Zoom out" disabled={scale === 1} onClick={() => view.zoom(1 / 1.8)}>−</button>
        {scale > 1 && <button class="button" onClick={view.reset}>Whole world</button>}
      </div>
    </div>
  );
}

function classOf(code: string, countries: Map<string, number>, chosen: string | undefined): string {
  const has = countries.has(code) ? "country has" : "country";
  if (chosen === undefined) return has;
  return code === chosen ? `${has} chosen` : `${has} other`;
}

// Zooms by wheel, by two fingers and by buttons; moves by dragging.
function useZoom() {
  const svg = useRef<SVGSVGElement>(null);
  const [place, setPlace] = useState(WHOLE);
  const [dragging, setDragging] = useState(false);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const travelled = useRef(0);

  const zoomAt = (factor: number, atX: number, atY: number) => setPlace((before) => {
    const scale = Math.min(ZOOM_MAX, Math.max(1, before.scale * factor));
    const part = scale / before.scale;
    return bounded({ scale, x: atX - (atX - before.x) * part, y: atY - (atY - before.y) * part });
  });

  useEffect(() => {
    const element = svg.current;
    if (element === null) return;
    const point = (event: { clientX: number; clientY: number }) => {
      const box = element.getBoundingClientRect();
      const unit = WIDTH / box.width;
      return { x: (event.clientX - box.left) * unit, y: (event.clientY - box.top) * unit };
    };
    // A wheel alone scrolls the page; on a map that is zoomed already, or with a key, it zooms.
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { x, y } = point(event);
      zoomAt(2 ** (-event.deltaY / 200), x, y);
    };
    const down = (event: PointerEvent) => {
      if (event.button !== 0) return;
      pointers.current.set(event.pointerId, point(event));
      travelled.current = 0;
    };
    const move = (event: PointerEvent) => {
      const before = pointers.current.get(event.pointerId);
      if (before === undefined) return;
      const now = point(event);
      travelled.current += Math.hypot(now.x - before.x, now.y - before.y);
      if (travelled.current > 4) setDragging(true);
      const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
      pointers.current.set(event.pointerId, now);
      if (other === undefined) {
        setPlace((place) => bounded({ ...place, x: place.x + now.x - before.x, y: place.y + now.y - before.y }));
      } else {
        const apart = (a: { x: number; y: number }) => Math.hypot(a.x - other.x, a.y - other.y);
        zoomAt(apart(now) / Math.max(1, apart(before)), (now.x + other.x) / 2, (now.y + other.y) / 2);
      }
    };
    const up = (event: PointerEvent) => {
      pointers.current.delete(event.pointerId);
      setDragging(false);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    element.addEventListener("pointerdown", down);
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
    return () => {
      element.removeEventListener("wheel", wheel);
      element.removeEventListener("pointerdown", down);
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", up);
    };
  }, [svg.current]);

  return {
    svg,
    place,
    dragging,
    // Whether the pointer dragged the map, so that its end is no click.
    moved: () => travelled.current > 4,
    zoom: (factor: number) => zoomAt(factor, WIDTH / 2, HEIGHT / 2),
    reset: () => setPlace(WHOLE),
  };
}

function bounded({ x, y, scale }: Place): Place {
  const within = (value: number, size: number) => Math.min(0, Math.max(size - size * scale, value));
  return { scale, x: within(x, WIDTH), y: within(y, HEIGHT) };
}
