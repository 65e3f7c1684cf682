// Dark or light: as the system has it, unless somebody chose. Not in the URL, as it is the reader's
// and not what is read.

const KEY = "pulso-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

type Theme = "dark" | "light";

export function theme(): Theme {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "dark" || chosen === "light") return chosen;
  return dark.matches ? "dark" : "light";
}

function show(): void {
  document.documentElement.dataset["theme"] = theme();
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  dark.addEventListener("change", show);
  show();
}

export function toggleTheme(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  // Who chooses what the system has follows the system from then on.
  if ((next === "dark") === dark.matches) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  show();
}

// Light for now, as paper is; what is returned goes back to what it was.
export function beLight(): () => void {
  document.documentElement.dataset["theme"] = "light";
  for (const listener of listeners) listener();
  return show;
}

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

// A token's value, for what is drawn and not styled.
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
