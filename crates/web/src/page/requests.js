// Asks the API.

const ANSWER_MS_MAX = 5000;
// Panes × scopes × kinds in one window of the default configuration are far fewer.
const PAGES_MAX = 20;

export async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const url = query ? `/api/v1/${path}?${query}` : `/api/v1/${path}`;
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail);
  return body;
}

// The documents of a view from all pages, unless there are too many.
export async function getAll(view, parameters) {
  const documents = [];
  let cursor;
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await get(view, cursor ? { ...parameters, cursor } : parameters);
    documents.push(...page.documents);
    cursor = page.next_cursor;
    if (cursor === null) return { documents, complete: true };
  }
  return { documents, complete: false };
}
