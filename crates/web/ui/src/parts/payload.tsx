// A message as it came: JSON is set out, anything else is as it is.

import "./payload.css";

export function Payload({ text }: { text: string }) {
  return <pre class="payload" tabIndex={0}>{pretty(text)}</pre>;
}

function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}
