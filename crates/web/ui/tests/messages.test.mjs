// Messages as they came, and on trial; dead letters; whether the layers agree.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { STREAMS, start, started, temporary } from "./program.mjs";

const program = started();

test("a fact shows the message that it was made from", async () => {
  for (const stream of ["rsvps", "clicks"]) {
    const { page, problems, close } = await program.open(`/facts?stream=${stream}&range=1h`);
    await page.getByRole("button", { name: "Show all fields" }).first().click();
    await page.getByRole("button", { name: "Show the message as it came" }).click();
    const message = JSON.parse(await page.locator(".fact-message .payload").textContent());
    const { streams } = await program.json("streams");
    const view = streams.find(({ name }) => name === stream).facts_view.name;
    const [fact] = (await program.json(`${view}?limit=1`)).documents;
    if (stream === "rsvps") {
      assert.equal(message.rsvp_id, fact.rsvp_id);
      assert.equal(message.mtime, Date.parse(fact["@timestamp"]));
    } else {
      assert.equal(message.u, fact.url);
    }
    assert.deepEqual(problems, []);
    await close();
  }
});

const discreet = () => start([
  "serve", "--data", process.env.PULSO_DATA, "--listen", "127.0.0.1:0", "--stream", "rsvps",
  "--set", "privacy.show_members=never",
]);

test("where members are not shown, neither are messages, and the page says why", async () => {
  const private_ = await discreet();
  const { page, close } = await program.open(`${private_.address}/facts?stream=rsvps&range=1h`);
  await page.getByRole("button", { name: "Show all fields" }).first().click();
  await page.getByRole("button", { name: "Show the message as it came" }).click();
  await page.getByText(/It is not shown: .*privacy\.show_members/).waitFor();
  await close();
  await private_.stop();
});

test("where members are not shown, dead letters say that their payloads are hidden", async () => {
  const private_ = await discreet();
  const { page, close } = await program.open(`${private_.address}/pipeline?stream=rsvps`);
  const letters = page.getByRole("region", { name: "Dead letters" });
  await letters.locator("tbody tr").first().waitFor();
  const heads = await letters.locator("thead th").allTextContents();
  assert.deepEqual(heads.map((text) => text.trim()), ["Arrived", "Reason", "Partition, offset"]);
  assert.equal(await letters.getByRole("button", { name: "Payload" }).count(), 0);
  await letters.getByText(/payload are hidden, .*privacy\.show_members/).waitFor();
  await close();
  await private_.stop();
});

test("a message on trial is a fact, skipped, or a dead letter in VRL's own words", async () => {
  const counted = async () => (await program.json("clicks?limit=1000")).documents.length;
  const before = await counted();
  const { page, problems, close } = await program.open("/streams?stream=clicks");
  const text = page.getByRole("textbox", { name: "A message of this stream" });
  const outcome = page.locator(".try-outcome");
  const attempt = async (message, expected) => {
    await text.fill(message);
    await page.getByRole("button", { name: "Try it" }).click();
    await outcome.getByText(expected).waitFor();
  };
  const [line] = readFileSync(new URL("../../../streams/clicks/sample.ndjson", import.meta.url), "utf8").split("\n");
  await attempt(line, "A fact:");
  const fact = JSON.parse(await page.locator(".payload").textContent());
  assert.ok(fact.time && fact.kind && fact.columns);
  await attempt('{"_heartbeat_": 1}', "Skipped:");
  await attempt('{"nk":0,"g":"a","r":"direct","u":"mailto:x@example.org","t":1767572039}', "A dead letter:");
  assert.match(await page.locator(".payload").textContent(), /decode\.vrl[^]*\^/);
  await attempt("{", "A dead letter:");
  assert.equal(await counted(), before);
  assert.deepEqual(problems, []);
  await close();
});

test("the pipeline says what came of the last verify", async () => {
  const data = temporary();
  cpSync(process.env.PULSO_DATA, data, { recursive: true });
  const streams = STREAMS.flatMap((name) => ["--stream", name]);
  const verified = async (expected) => {
    const server = await start(["serve", "--data", data, "--listen", "127.0.0.1:0", ...streams]);
    const { page, close } = await program.open(`${server.address}/pipeline?stream=clicks`);
    await page.locator(".pipeline-verified").getByText(expected).waitFor();
    await close();
    await server.stop();
  };
  await verified("Nobody has compared the layers yet");
  const { status, stderr } = spawnSync(process.env.PULSO_PROGRAM, ["verify", "--data", data, "--stream", "clicks"]);
  assert.equal(status, 0, String(stderr));
  await verified("The layers agree.");
});

test("facts are filtered by the store, however far back they are", async () => {
  const { documents } = await program.json("responses?response=waitlist&limit=5");
  assert.ok(documents.every(({ response }) => response === "waitlist"));
  const { documents: [some] } = await program.json("responses?limit=1");
  const city = some.group.city;
  const { page, close } = await program.open(`/facts?stream=rsvps&range=1h&where=${encodeURIComponent(`group.city:${city}`)}&columns=rsvp_id,group.city`);
  await page.locator(".facts tbody tr").first().waitFor();
  const cities = await page.locator(".facts tbody tr td").allTextContents();
  assert.ok(cities.filter((text) => text.includes(city)).length > 0);
  const found = Number((await page.locator(".facts h2").first().textContent()).split(" ")[0].replaceAll(",", ""));
  const { streams } = await program.json("status");
  const to = streams.find(({ name }) => name === "rsvps").closed_until;
  const from = new Date(Date.parse(to) - 3_600_000).toISOString();
  const counted = await program.json(`series?view=responses&from=${from}&to=${to}&interval=1h&group.city=${encodeURIComponent(city)}`);
  assert.equal(found, counted.total.value);
  await close();
});

test("a click on an item of a list filters by it, in the store", async () => {
  const { page, problems, close } = await program.open("/facts?stream=rsvps&range=1h&columns=topic_names");
  const item = page.locator(".facts tbody a.value").first();
  await item.waitFor();
  const name = await item.textContent();
  const asked = page.waitForRequest((request) => new URL(request.url()).searchParams.get("topic_names") === name);
  await item.click();
  await asked;
  await page.locator(".facts .value.chosen").first().waitFor();
  const { documents } = await program.json(`responses?limit=20&topic_names=${encodeURIComponent(name)}`);
  assert.ok(documents.length > 0 && documents.every(({ topic_names }) => topic_names.includes(name)));
  assert.deepEqual(problems, []);
  await close();
});

test("a fact that is opened shows whole lists", async () => {
  const { page, problems, close } = await program.open("/facts?stream=rsvps&range=1h&columns=topic_names");
  const left = page.locator(".field-list .muted");
  const row = page.locator(".facts tbody tr").filter({ has: left }).first();
  const last = (await row.locator(left).getAttribute("title")).split(", ").at(-1);
  await row.locator(".fact-open").click();
  // Topics themselves are written alike, but small.
  await page.locator(".fact-all .value", { hasText: new RegExp(`^${last}$`) }).click();
  await page.waitForURL((url) => url.searchParams.get("where") === `topic_names:${last}`);
  assert.deepEqual(problems, []);
  await close();
});

test("the lines of trends are asked for at once", async () => {
  const { page, problems, close } = await program.open("about:blank");
  const asked = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname === "/api/v1/series" && url.searchParams.get("by") === "topic") asked.push(url.searchParams);
  });
  await page.goto(program.at("/trends?stream=rsvps&range=1h"));
  await page.locator(".trends tbody tr svg").first().waitFor();
  assert.ok(asked.every((query) => query.getAll("topic").length !== 1), "no topic alone");
  assert.equal(new Set(asked.map(String)).size, 1);
  assert.deepEqual(problems, []);
  await close();
});

test("a stream's sources are listed with their state", async () => {
  const { sources } = await program.json("streams/clicks/sources");
  const { page, problems, close } = await program.open("/streams?stream=clicks");
  const rows = page.locator("section", { hasText: "Sources" }).locator("tbody tr");
  await rows.first().waitFor();
  assert.deepEqual(await rows.locator("code").allTextContents(), sources.map(({ name }) => name));
  await rows.first().getByText(/receiving|silent, last message \d+ (s|min|h) ago/).waitFor();
  assert.deepEqual(problems, []);
  await close();
});
