// What would become of a message: it is pasted, decoded, and neither counted nor stored.

import "./try-message.css";

import { useState } from "preact/hooks";

import type { Outcome, Stream } from "../api.ts";
import * as api from "../api.ts";
import { words } from "../format.ts";
import { Card } from "../parts/card.tsx";
import { Payload } from "../parts/payload.tsx";

export function TryMessage({ stream }: { stream: Stream }) {
  const [text, setText] = useState("");
  const [tried, setTried] = useState<{ outcome: Outcome } | { problem: string } | undefined>();
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.trim() === "") return;
    api.tryMessage(stream.name, text).then(
      (outcome) => setTried({ outcome }),
      (error: Error) => setTried({ problem: error.message }),
    );
  };
  return (
    <Card title="Try a message" note="it is decoded, and neither counted nor stored" class="streams-part">
      <form class="try" onSubmit={submit}>
        <textarea
          class="field try-text"
          aria-label="A message of this stream"
          placeholder={`Paste one message of ${stream.title}, as it comes`}
          spellcheck={false}
          rows={6}
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setTried(undefined);
          }}
        />
        <button class="button main" type="submit">Try it</button>
      </form>
      <div role="status">
        {tried !== undefined && ("problem" in tried
          ? <p class="failure">{tried.problem}.</p>
          : <Result outcome={tried.outcome} stream={stream} />)}
      </div>
    </Card>
  );
}

function Result({ outcome: { outcome, reason = "", detail = "", fact }, stream }: { outcome: Outcome; stream: Stream }) {
  switch (outcome) {
    case "fact": return (
      <>
        <p class="try-outcome"><b class="good">A fact:</b> one {words(stream.fact.one)}, with these parts.</p>
        <Payload text={JSON.stringify(fact)} />
      </>
    );
    case "skipped": return (
      <p class="try-outcome"><b>Skipped:</b> {words(reason)}. It is well-formed, but not of this stream.</p>
    );
    case "dead_letter": return (
      <>
        <p class="try-outcome"><b class="warm">A dead letter:</b> {words(reason)}.</p>
        <Payload text={detail} />
      </>
    );
  }
}
