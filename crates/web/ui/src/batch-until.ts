// How far the batch layer is.

import { useApp } from "./app.ts";

// The last day of activity that the batch layer has completed.
export function useBatchUntil(): string | undefined {
  const { stream, layers } = useApp();
  return layers?.[stream.activity_view]?.at(-1);
}
