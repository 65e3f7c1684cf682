// A slider that is a histogram: each bar is a step of time, and playing goes from one to the next.

import "./play.css";

import { useEffect, useState } from "preact/hooks";

import { count, duration, iso, minute, period } from "../format.ts";
import { setOwn } from "../route.ts";

const STEP_MS = 280;

interface Props {
  // Starts of the steps and, as the last one, the end; in ms.
  times: number[];
  values: (number | null)[];
  // What is shown where no step is.
  otherwise: string;
  // The step that is shown; undefined: what is now.
  at: number | undefined;
  unit: string;
}

export function Play({ times, values, otherwise, at, unit }: Props) {
  const [playing, setPlaying] = useState(false);
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const timeOf = (index: number) => times[index]!;
  // Only the last step of a play is worth going back to.
  const show = (index: number | undefined) => setOwn("at", index === undefined ? "" : iso(timeOf(index)), "replace");
  const first = Math.max(0, values.findIndex((value) => (value ?? 0) > 0));

  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => {
      if (at !== undefined && at + 1 >= values.length) setPlaying(false);
      else show(at === undefined ? first : at + 1);
    }, at === undefined ? 0 : STEP_MS);
    return () => clearTimeout(timer);
  }, [playing, at, times, values]);

  const toggle = () => {
    if (!playing && at === values.length - 1) show(first);
    setPlaying(!playing);
  };
  const shown = at === undefined ? undefined : period(timeOf(at), timeOf(at + 1));
  return (
    <div class="play">
      <button class="play-button" aria-label={playing ? "Pause" : "Play"} onClick={toggle}>
        <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
          {playing ? <path d="M4 3h3v10H4zM9 3h3v10H9z" /> : <path d="M5 2.5v11l8-5.5z" />}
        </svg>
      </button>
      <div class="play-steps">
        <svg class="play-bars" viewBox={`0 0 ${values.length} 100`} preserveAspectRatio="none" aria-hidden="true">
          {values.map((value, index) => {
            const height = Math.max(value ? 2 : 0, ((value ?? 0) / most) * 100);
            return <rect key={index} class={index === at ? "at" : ""} x={index + 0.1} y={100 - height} width="0.8" height={height} />;
          })}
          {at !== undefined && <rect class="play-mark" x={at} y="0" width="1" height="100" />}
        </svg>
        <input
          type="range"
          min="0"
          max={values.length - 1}
          step="1"
          value={at ?? values.length - 1}
          aria-label="Time on the map"
          aria-valuetext={at === undefined ? otherwise : `${shown}: ${count(values[at] ?? 0)} ${unit}`}
          onInput={(event) => {
            setPlaying(false);
            show(Number(event.currentTarget.value));
          }}
        />
        <div class="play-axis" aria-hidden="true">
          <span>{minute(timeOf(0))}</span>
          <span class="play-now">{shown ?? `${count(values.length)} steps of ${duration((timeOf(1) - timeOf(0)) / 1000)}`}</span>
          <span>{minute(timeOf(values.length))}</span>
        </div>
      </div>
      <button class="button" disabled={at === undefined} onClick={() => { setPlaying(false); show(undefined); }}>
        {otherwise}
      </button>
    </div>
  );
}
