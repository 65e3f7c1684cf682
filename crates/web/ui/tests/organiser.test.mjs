// The organiser's desk: choosing one's own group, marking somebody as contacted, and what the page says
// of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { start, started } from "./program.mjs";

const program = started();

// A group that has somebody to invite.
async function inviting() {
  const { groups } = await program.json("organiser/groups");
  for (const { urlname, name } of groups) {
    const query = `own=group:${encodeURIComponent(urlname)}`;
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
  await page.waitForURL((url) => url.searchParams.get("own") === `group:${groups[0].urlname}`);
  await page.getByRole("heading", { name: "Whom to invite" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Which group is yours?" }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("a candidate who was contacted is listed as such with a note, and offered no more", async () => {
  const { query, candidates } = await inviting();
  const [{ name, event }] = candidates;
  const { page, problems, close } = await program.open(`/organiser?stream=rsvps&${query}`);
  const row = page.locator("table", { hasText: "Why" }).locator("tbody tr").first();
  await row.getByText(name, { exact: true }).waitFor();
  await row.getByRole("button", { name: "Contacted" }).click();
  await page.getByRole("textbox", { name: `Note about ${name}` }).fill("asked by mail");
  await page.getByRole("button", { name: "Note it" }).click();
  await row.getByRole("status").getByText("Contacted").waitFor();
  const { contacts } = await program.json(`organiser/contacts?${query}`);
  assert.equal(contacts[0].name, name);
  assert.equal(contacts[0].event, event.id);
  assert.equal(contacts[0].note, "asked by mail");
  const left = await program.json(`organiser/candidates?${query}`);
  assert.ok(left.candidates.every((candidate) => candidate.name !== name));
  await page.reload();
  const contacted = page.locator("section", { hasText: "Said yes" });
  await contacted.getByText(name, { exact: true }).waitFor();
  await contacted.getByText("asked by mail").waitFor();
  // Of one contact there is no rate.
  const headline = await page.locator(".organiser-sum").textContent();
  assert.ok(headline.startsWith("0 of 1 "), headline);
  assert.deepEqual(problems, []);
  await close();
});

test("who is a candidate follows the distance and the topics, which the URL has", async () => {
  const { query } = await inviting();
  const { page, problems, close } = await program.open(`/organiser?stream=rsvps&${query}`);
  const listed = async () => (await page.locator("table", { hasText: "Why" }).locator("tbody tr").allTextContents()).length;
  await page.locator("table", { hasText: "Why" }).waitFor();
  assert.ok(await listed() > 0);
  await page.getByRole("spinbutton", { name: "Distance in km" }).fill("0");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("distance_km") === "0");
  await page.getByText(/within 0 km/).waitFor();
  await page.getByRole("button", { name: "As before" }).click();
  await page.waitForURL((url) => !url.searchParams.get("distance_km"));
  await page.getByText(/within 50 km/).waitFor();
  await page.getByRole("textbox", { name: /Relevant topics/ }).fill(" no-such-topic , ");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.searchParams.get("relevant") === "no-such-topic");
  await page.getByText(/Nobody just now/).waitFor();
  await page.goBack();
  await page.locator("table", { hasText: "Why" }).waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("where nobody has decided yet, no interval is told, and settings are written as code", async () => {
  const private_ = await start([
    "serve", "--data", process.env.PULSO_DATA, "--listen", "127.0.0.1:0", "--stream", "rsvps",
    "--set", "privacy.show_members=never",
  ]);
  const { page, close } = await program.open(`${private_.address}/organiser?stream=rsvps&own=topic:no-such-topic`);
  const decided = page.getByRole("region", { name: "Who decided to come" });
  await decided.getByText("Nobody has said yes to one of your events yet.").waitFor();
  assert.equal(await decided.locator(".card-note").count(), 0);
  const worked = page.getByRole("region", { name: "Did it work?" });
  await worked.getByText(/^Nobody has been contacted yet\. Tell somebody/).waitFor();
  assert.ok(!(await worked.textContent()).includes("0 of 0"));
  const note = page.locator(".organiser-note");
  await note.locator("code", { hasText: "privacy.show_members" }).waitFor();
  assert.ok(!(await note.textContent()).includes("`"));
  await close();
  await private_.stop();
});

test("the page of a stream without a desk does not offer one", async () => {
  const { page, close } = await program.open("/?stream=posts");
  await page.locator(".nav-item").first().waitFor();
  assert.equal(await page.locator(".nav-item", { hasText: "Organiser" }).count(), 0);
  await close();
});
