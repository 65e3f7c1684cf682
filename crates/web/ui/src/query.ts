// Asks again whenever there is news, and keeps the last answer on the page until the next is there,
// so that nothing flickers.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

export interface Answer<T> {
  data: T | undefined;
  error: Error | undefined;
  // The answer is to another question than the present one.
  old: boolean;
}

// Questions that come up together are sent together, in this order: a browser has few connections to a server, which
// begins with what comes first. What takes it long does not come first.
export const FIRST = 0;
export const USUAL = 1;
export const LAST = 2;

type Ask = () => Promise<unknown>;
let waiting: { order: number; ask: Ask }[] = [];
let underWay = 0;
let afterwards: (() => void)[] = [];

export function inOrder(order: number, ask: Ask): void {
  if (waiting.push({ order, ask }) === 1) queueMicrotask(askAll);
}

function askAll(): void {
  const questions = waiting.sort((a, b) => a.order - b.order);
  waiting = [];
  for (const { ask } of questions) {
    underWay += 1;
    void ask().finally(() => {
      underWay -= 1;
      goOn();
    });
  }
}

// What can wait until nothing else is under way.
export function afterAnswers(go: () => void): void {
  afterwards.push(go);
  queueMicrotask(goOn);
}

function goOn(): void {
  if (underWay > 0 || waiting.length > 0) return;
  const all = afterwards;
  afterwards = [];
  for (const go of all) go();
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

  // Before the page is painted, which takes as long as an answer.
  useLayoutEffect(() => {
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
      inOrder(order, async () => (running.current === run ? ask(run) : undefined));
    }
    function ask(run: { key: string; control: AbortController; again: boolean }): Promise<void> {
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
      return latest.current(run.control.signal).then((data) => done(data, undefined), (error) => done(undefined, error));
    }
  }, [key, news]);
  useEffect(() => () => {
    running.current?.control.abort();
    running.current = undefined;
  }, []);

  const old = answer !== undefined && answer.key !== key;
  // The same as long as nothing has changed, so that what shows it is not drawn anew.
  return useMemo(() => ({ data: answer?.data, error: old ? undefined : answer?.error, old }), [answer, old]);
}
