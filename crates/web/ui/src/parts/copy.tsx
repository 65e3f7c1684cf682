// The data of a card to take away: as CSV, or as the call that gives them.

import { useEffect, useState } from "preact/hooks";

const SHOWN_MS = 1500;

export type Cell = string | number | boolean | null | undefined;

export function Copy({ call, csv, name }: { call: string; csv: () => { head: string[]; rows: Cell[][] }; name: string }) {
  const [done, setDone] = useState<string>();
  useEffect(() => {
    if (done === undefined) return;
    const timer = setTimeout(() => setDone(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(new URL(call, location.href).href);
      setDone("Copied");
    } catch {
      // Not allowed here; the address bar can be copied from.
      location.assign(call);
    }
  };
  const save = () => {
    const { head, rows } = csv();
    const text = [head, ...rows.map((row) => row.map(harmless))].map((row) => row.map(quoted).join(",")).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${text}\r\n`], { type: "text/csv" }));
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 0);
  };
  return (
    <>
      <button class="tab" onClick={save} title="Save what is shown as CSV">CSV</button>
      <button class="tab" onClick={copy} title={`Copy the API call: ${call}`}>
        <span aria-live="polite">{done ?? "API"}</span>
      </button>
    </>
  );
}

// A text that a spreadsheet would take for a formula is kept from being one.
function harmless(cell: Cell): Cell {
  return typeof cell === "string" && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
}

// By RFC 4180.
function quoted(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
