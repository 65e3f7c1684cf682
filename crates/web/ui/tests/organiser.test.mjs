// The organiser's desk: choosing one's own group, marking somebody as contacted, and what the page says
// of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { started } from "./program.mjs";

const program = started();

// A group that has somebody to invite.
async function inviting() {
  const { groups } = await program.json("organiser/groups");
  for (const { urlname, name } of groups) {
    const query = `group=${encodeURIComponent(urlname)}`;
    const { candidates } = await program.json(`organiser/candidates?${query}`);
    if (candidates.length > 1) return { urlname, name, query, candidates };
  }
  throw new Error("no group of the recording has candidates");
}

test("whoever has not chosen is asked for their group, and the choice is in the URL", async () => {
  const { groups } = await program.json("organiser/groups");
  const { page, problems, close } = await program.open("/organiser?stream=rsvps");
  await page.getByRole("heading", { name: "Which group is yours?" }).waitFor();
  await page.locator(".organiser-groups a").first().click();
  await page.waitForURL((url) => url.searchParams.get("group") === groups[0].urlname);
  await page.getByRole("heading", { name: "Whom to invite" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Which group is yours?" }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a candidate who was contacted is listed as such, and offered no more", async () => {
  const { query, candidates } = await inviting();
  const [{ name, event }] = candidates;
  const { page, problems, close } = await program.open(`/organiser?stream=rsvps&${query}`);
  const row = page.locator("table", { hasText: "Why" }).locator("tbody tr").first();
  await row.getByText(name, { exact: true }).waitFor();
  await row.getByRole("button", { name: "Contacted" }).click();
  await row.getByRole("status").getByText("Contacted").waitFor();
  const { contacts } = await program.json(`organiser/contacts?${query}`);
  assert.equal(contacts[0].name, name);
  assert.equal(contacts[0].event, event.id);
  const left = await program.json(`organiser/candidates?${query}`);
  assert.ok(left.candidates.every((candidate) => candidate.name !== name));
  await page.reload();
  await page.locator("section", { hasText: "Said yes" }).getByText(name, { exact: true }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("the page of a stream without a desk does not offer one", async () => {
  const { page, close } = await program.open("/?stream=posts");
  await page.locator(".nav-item").first().waitFor();
  assert.equal(await page.locator(".nav-item", { hasText: "Organiser" }).count(), 0);
  await close();
});
