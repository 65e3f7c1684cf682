// Asks again whenever there is news, and keeps the last answer on the page until the next is there,
// so that nothing flickers.

import { useEffect, useRef, useState } from "preact/hooks";

export interface Answer<T> {
  data: T | undefined;
  error: Error | undefined;
  // The answer is to another question than the present one.
  old: boolean;
}

// Questions that come up together, in the order in which they are sent: a browser has few connections to a server, so
// what one looks at first would wait for what is below it.
export const FIRST = 0;
export const USUAL = 1;
export const LAST = 2;

let waiting: { order: number; ask: () => void }[] = [];

function inOrder(order: number, ask: () => void): void {
  if (waiting.push({ order, ask }) > 1) return;
  queueMicrotask(() => {
    const questions = waiting.sort((a, b) => a.order - b.order);
    waiting = [];
    for (const { ask } of questions) ask();
  });
}

// `key` names the question; `undefined` asks nothing. `news` changes when the answer may have.
export function useQuery<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  news: unknown = undefined,
  order = USUAL,
): Answer<T> {
  const [answer, setAnswer] = useState<{ key: string; data: T | undefined; error: Error | undefined }>();
  const running = useRef<{ key: string; control: AbortController; again: boolean } | undefined>(undefined);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    if (key === undefined) return;
    // The same question is under way: ask once more after it, however often news came.
    if (running.current?.key === key) {
      running.current.again = true;
      return;
    }
    running.current?.control.abort();
    start(key);
    function start(asked: string) {
      const run = { key: asked, control: new AbortController(), again: false };
      running.current = run;
      inOrder(order, () => {
        if (running.current === run) ask(run);
      });
    }
    function ask(run: { key: string; control: AbortController; again: boolean }) {
      const done = (data: T | undefined, error: Error | undefined) => {
        if (running.current !== run) return;
        running.current = undefined;
        setAnswer((before) => ({
          key: run.key,
          data: data ?? (before?.key === run.key ? before.data : undefined),
          error,
        }));
        if (run.again) start(run.key);
      };
      latest.current(run.control.signal).then((data) => done(data, undefined), (error) => done(undefined, error));
    }
  }, [key, news]);
  useEffect(() => () => {
    running.current?.control.abort();
    running.current = undefined;
  }, []);

  const old = answer !== undefined && answer.key !== key;
  return { data: answer?.data, error: old ? undefined : answer?.error, old };
}
