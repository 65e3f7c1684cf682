// Asks who somebody is, where there are accounts.

import "./login.css";

import { useState } from "preact/hooks";

import * as api from "../api.ts";

export function Login({ again, done }: { again: boolean; done: () => void }) {
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    api.logIn(String(fields.get("name")), String(fields.get("password"))).then(done, (error: Error) => {
      setBusy(false);
      setProblem(error.message);
    });
  };
  return (
    <main class="alone">
      <form class="login card" onSubmit={submit}>
        <h1 class="login-brand">
          <img src="/icon.svg" alt="" width="24" height="24" />
          Log in to Pulso
        </h1>
        {again && problem === undefined && <p role="status">Your login has ended. Log in again to go on.</p>}
        <label>
          Name
          <input class="field" name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required autofocus />
        </label>
        <label>
          Password
          <input class="field" name="password" type="password" autocomplete="current-password" required />
        </label>
        {problem !== undefined && <p class="login-problem" role="alert">{problem}</p>}
        <button class="button login-submit" disabled={busy}>Log in</button>
      </form>
    </main>
  );
}
