// One-letter keys, and the help that lists them.

import "./keys.css";

import { useEffect, useRef } from "preact/hooks";

import { useApp } from "./app.ts";
import { heading } from "./format.ts";
import { RANGES } from "./range.ts";
import { type Page, LIVE, go, theRoute, toPage } from "./route.ts";
import { toggleTheme } from "./theme.ts";

const PAGES: { key: string; page: Page }[] = [
  { key: "o", page: "overview" },
  { key: "t", page: "trends" },
  { key: "g", page: "map" },
  { key: "f", page: "facts" },
  { key: "p", page: "pipeline" },
  { key: "s", page: "streams" },
];

export function useKeys(showHelp: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const typing = event.target instanceof HTMLElement && event.target.closest("input, select, textarea, dialog");
      if (typing) return;
      const range = RANGES.find(({ key }) => key === event.key);
      const page = PAGES.find(({ key }) => key === event.key);
      if (range !== undefined) go({ range: range.name });
      else if (page !== undefined) go(toPage(page.page));
      else if (event.key === "Escape") clear();
      else if (event.key === "?") showHelp();
      else if (event.key === "x") toggleTheme();
      else if (event.key === "/") {
        const search = document.querySelector<HTMLInputElement>("main input[type=search]");
        if (search === null) return;
        search.focus();
      } else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

// First the filters, then a range that was drawn.
function clear(): void {
  const route = theRoute();
  if (route.filters.length > 0) go({ filters: [] });
  else if (typeof route.range === "object") go({ range: LIVE });
}

export function Help({ close }: { close: () => void }) {
  const { stream } = useApp();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const row = (key: string, text: string) => (
    <div key={key}>
      <dt><kbd>{key}</kbd></dt>
      <dd>{text}</dd>
    </div>
  );
  const pageTitle = (page: Page) => (page === "facts" ? heading(stream.fact.many) : heading(page));
  return (
    <dialog
      class="help"
      ref={dialog}
      aria-labelledby="help-title"
      onClose={close}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="help-body">
        <div class="help-head">
          <h2 id="help-title">Keys</h2>
          <button class="button quiet icon" aria-label="Close" onClick={() => dialog.current?.close()}>×</button>
        </div>
        <div class="help-columns">
          <dl>{PAGES.map(({ key, page }) => row(key, pageTitle(page)))}</dl>
          <dl>{RANGES.map(({ key, name, title }) => row(key, name === LIVE ? "Live: the last window" : `The last ${title}`))}</dl>
          <dl>
            {row("/", "Search on this page")}
            {row("Esc", "Clear the filters, then the range")}
            {row("x", "Dark or light")}
            {row("?", "This help")}
          </dl>
        </div>
        <ul class="help-notes">
          <li>Click any value to filter by it; click it again to stop.</li>
          <li>Drag across a chart to look closer; Esc leads back.</li>
          <li>Filters, range and time zone are in the address: share it, or go back.</li>
          <li>
            The data are at <a class="text-link" href="/api/v1/openapi.json">/api/v1</a>; the packages in these pages
            have <a class="text-link" href="/licenses.txt">these licences</a>.
          </li>
        </ul>
      </div>
    </dialog>
  );
}
