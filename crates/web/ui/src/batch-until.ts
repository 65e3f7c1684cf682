// How far the batch layer is.

import * as api from "./api.ts";
import { useApp } from "./app.ts";
import { useQuery } from "./query.ts";

// The last day of activity that the batch layer has completed.
export function useBatchUntil(): string | undefined {
  const { stream, live } = useApp();
  const answer = useQuery(`layers ${stream.name}`, api.layers, live.batchNews);
  return answer.data?.[stream.activity_view]?.at(-1);
}
