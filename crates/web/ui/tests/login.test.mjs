// Logging in, seeing who one is, and what happens when that ends.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { start, started, temporary } from "./program.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PASSWORD = "correct horse battery";

let audit;
const program = started(() => {
  const folder = temporary();
  const accounts = join(folder, "accounts");
  audit = join(folder, "audit.jsonl");
  const account = spawnSync(process.env.PULSO_PROGRAM, ["account", "anna", "--role", "write"], { input: `${PASSWORD}\n` });
  assert.equal(account.status, 0, String(account.stderr));
  writeFileSync(accounts, account.stdout);
  return start([
    "serve", "--data", process.env.PULSO_DATA, "--listen", "127.0.0.1:0", "--stream", "rsvps",
    "--set", `guard.accounts_file=${accounts}`, "--set", `guard.audit_file=${audit}`,
  ]);
});

// The browser itself reports answers of 401.
const own = (problems) => problems.filter((text) => !text.includes("401"));

async function logIn(page, password = PASSWORD) {
  await page.getByLabel("Name").fill("anna");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("who is not logged in sees the login, and after it the page that was asked for", async () => {
  const { page, problems, close } = await program.open("/trends?stream=rsvps&range=1h");
  await page.getByRole("heading", { name: "Log in to Pulso" }).waitFor();
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(violations.filter(({ impact }) => ["serious", "critical"].includes(impact)), []);

  await logIn(page, "a wrong password");
  await page.getByRole("alert").getByText("the name or the password is wrong").waitFor();
  await logIn(page);
  await page.locator(".who", { hasText: "anna" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/trends");
  // The browser keeps it; scripts do not see it.
  await page.reload();
  await page.locator(".who", { hasText: "anna" }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), "");
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ["pulso", true, "Strict"]);
  assert.deepEqual(own(problems), []);
  await close();
});

test("a logout is seen in every window of the browser, without a click", async () => {
  const { page, close } = await program.open("/");
  await logIn(page);
  await page.locator(".who").waitFor();
  const other = await page.context().newPage();
  await other.goto(program.at("/pipeline"));
  await other.locator(".who").waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  for (const window of [page, other]) {
    await window.getByText("Your login has ended. Log in again to go on.").waitFor();
  }
  await logIn(other);
  await other.locator(".who").waitFor();
  assert.equal(new URL(other.url()).pathname, "/pipeline");
  const lines = readFileSync(audit, "utf8").trim().split("\n").map((line) => JSON.parse(line).what);
  assert.deepEqual(lines, ["login_failed", "login", "login", "logout", "login"]);
  await close();
});
