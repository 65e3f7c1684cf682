// Asks again whenever there is news, and keeps the last answer on the page until the next is there,
// so that nothing flickers.

import { useEffect, useRef, useState } from "preact/hooks";

export interface Answer<T> {
  data: T | undefined;
  error: Error | undefined;
  // The answer is to another question than the present one.
  old: boolean;
}

// `key` names the question; `undefined` asks nothing. `news` changes when the answer may have.
export function useQuery<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  news: unknown = undefined,
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
    ask(key);
    function ask(asked: string) {
      const run = { key: asked, control: new AbortController(), again: false };
      running.current = run;
      const done = (data: T | undefined, error: Error | undefined) => {
        if (running.current !== run) return;
        running.current = undefined;
        setAnswer((before) => ({
          key: asked,
          data: data ?? (before?.key === asked ? before.data : undefined),
          error,
        }));
        if (run.again) ask(asked);
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
