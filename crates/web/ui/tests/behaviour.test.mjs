// What the pages do: filters, ranges, keys, back, what is true of their figures, and what they say
// when something is wrong.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { serve, start, started, temporary } from "./program.mjs";

const program = started();

const number = (text) => Number(text.replaceAll(",", ""));
const query = (page) => new URL(page.url()).searchParams;
const waitForQuery = (page, name, value) =>
  page.waitForURL((url) => url.searchParams.get(name) === value);

test("the figures are those of the API, and of a recount of the documents", async () => {
  const { page, close } = await program.open("/?stream=rsvps&range=1h");
  const figure = page.locator(".figure", { hasText: "Responses" }).first().locator("b");
  await page.waitForFunction(() => /\d/.test(document.querySelector(".figure b")?.textContent ?? ""));
  const { streams } = await program.json("status");
  const to = streams.find(({ name }) => name === "rsvps").closed_until;
  const from = new Date(Date.parse(to) - 3_600_000).toISOString();
  const { total } = await program.json(`series?view=country-activity&field=responses&from=${from}&to=${to}&interval=3600`);
  let recount = 0;
  let cursor = "";
  do {
    const found = await program.json(`country-activity?from=${from}&to=${to}&limit=1000${cursor}`);
    recount += found.documents.reduce((sum, { responses }) => sum + responses, 0);
    cursor = found.next_cursor && `&cursor=${found.next_cursor}`;
  } while (cursor);
  assert.ok(recount > 1000);
  assert.equal(total.value, recount);
  assert.equal(number(await figure.textContent()), recount);
  await close();
});

test("a click filters, and the URL has it: reload shows the same, back and Esc take it away", async () => {
  const { page, close } = await program.open("/?stream=rsvps&range=1h");
  const second = page.locator(".overview-scopes .ranked li").nth(1);
  const amount = number(await second.locator("b").textContent());
  await second.locator("a").click();
  await page.waitForURL(/where=country/);
  const figure = page.locator(".figure b").first();
  const filtered = () => page.waitForFunction(
    (wanted) => document.querySelector(".figure b")?.textContent.replaceAll(",", "") === String(wanted), amount);
  await filtered();
  await page.reload();
  await filtered();
  await page.goBack();
  await page.waitForFunction((wanted) => Number(document.querySelector(".figure b")?.textContent.replaceAll(",", "")) > wanted, amount);
  await page.goForward();
  await filtered();
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.searchParams.has("where"));
  assert.ok(number(await figure.textContent()) > 0);
  await close();
});

test("keys choose ranges and pages, and list themselves", async () => {
  const { page, close } = await program.open("/?stream=rsvps");
  await page.waitForSelector(".overview");
  for (const [key, range] of [["h", "1h"], ["d", "24h"], ["w", "7d"], ["m", "30d"]]) {
    await page.keyboard.press(key);
    await waitForQuery(page, "range", range);
  }
  await page.keyboard.press("l");
  await waitForQuery(page, "range", null);
  for (const [key, path] of [["t", "/trends"], ["g", "/map"], ["f", "/facts"], ["p", "/pipeline"], ["s", "/streams"], ["o", "/"]]) {
    await page.keyboard.press(key);
    await page.waitForURL((url) => url.pathname === path);
  }
  await page.keyboard.press("?");
  await page.waitForSelector("dialog[open]");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  // While one types, letters are letters.
  await page.keyboard.press("t");
  await page.keyboard.press("/");
  await page.keyboard.type("hd");
  await waitForQuery(page, "q", "hd");
  assert.equal(query(page).get("range"), null);
  await close();
});

// Presses the first chart at 0.3 of its width, and says where a share of its width is.
async function press(page) {
  const over = page.locator(".chart .u-over").first();
  await over.waitFor();
  const { width } = await over.boundingBox();
  // Waits until the chart stays where it is.
  await over.hover({ position: { x: width * 0.3, y: 20 } });
  await page.mouse.down();
  const { x, y } = await over.boundingBox();
  return { at: (share) => x + width * share, y: y + 20 };
}

test("dragging across a chart shows that time, in whole steps", async () => {
  const { page, close } = await program.open("/?stream=rsvps&range=1h");
  const { at, y } = await press(page);
  await page.mouse.move(at(0.6), y, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
  const [from, to] = ["from", "to"].map((name) => Date.parse(query(page).get(name)));
  assert.ok(to > from && from % 60_000 === 0 && to % 60_000 === 0);
  await page.keyboard.press("Escape");
  await page.waitForURL((url) => !url.searchParams.has("from"));
  await close();
});

test("a drag goes on outside the chart, and beyond its end", async () => {
  const { page, close } = await program.open("/?stream=rsvps&range=1h");
  const end = Date.parse((await program.json("status")).streams.find(({ name }) => name === "rsvps").closed_until);
  const { at, y } = await press(page);
  await page.mouse.move(at(0.6), y - 300);
  await page.mouse.move(at(1.02), y - 300);
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
  assert.ok(Date.parse(query(page).get("from")) < end - 30 * 60_000);
  assert.equal(Date.parse(query(page).get("to")), Math.ceil(end / 60_000) * 60_000);
  await close();
});

test("what comes during a drag does not end it, and is shown after it", async () => {
  const { page, close } = await program.open("/?stream=rsvps&range=1h", { colorScheme: "light" });
  const { at, y } = await press(page);
  await page.mouse.move(at(0.4), y);
  const chart = await page.locator(".chart .uplot").first().elementHandle();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator("html[data-theme=dark]").waitFor();
  await page.mouse.move(at(0.6), y);
  assert.ok(await chart.evaluate((plot) => plot.isConnected), "the chart is the same during the drag");
  await page.mouse.up();
  await page.waitForURL(/from=.*to=/);
  await chart.waitForElementState("hidden");
  await close();
});

test("a view by the hour is added up in every four hours of the page's zone", async () => {
  const { documents, next_cursor } = await program.json("traffic-hours?limit=1000");
  assert.equal(next_cursor, null);
  for (const timeZone of ["UTC", "Asia/Kolkata"]) {
    const part = (time, options) => new Intl.DateTimeFormat("en-GB", { timeZone, ...options }).format(Date.parse(time));
    const counted = new Map();
    for (const { hour, browser, requests } of documents) {
      const into = Number(part(hour, { hour: "2-digit", hourCycle: "h23" })) % 4;
      const begin = new Date(Date.parse(hour) - into * 3_600_000).toISOString();
      const key = `${browser} ${part(begin, { hour: "2-digit", minute: "2-digit" })}`;
      counted.set(key, (counted.get(key) ?? 0) + requests);
    }
    const { page, problems, close } = await program.open(`/views/traffic-hours?stream=requests&range=24h&zone=${timeZone}`);
    await page.locator(".heat tbody tr").first().waitFor();
    const begins = await page.locator(".heat thead tr:last-child th").allTextContents();
    const rows = await page.locator(".heat tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));
    assert.ok(rows.length > 4);
    for (const [browser, ...cells] of rows) {
      const shown = cells.map((text, step) => [`${browser} ${begins[step]}`, Number(text.replaceAll(",", ""))]);
      const sums = shown.reduce((all, [key, number]) => all.set(key, (all.get(key) ?? 0) + number), new Map());
      for (const [key, number] of sums) assert.equal(number, counted.get(key) ?? 0, `${timeZone}, ${key}`);
    }
    await page.locator(".four-hours .tabs a", { hasText: "Country" }).click();
    await page.locator(".heat tbody th", { hasText: "United States" }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  }
});

test("visits are those that ended in the range, counted by what they began with", async () => {
  const { streams } = await program.json("status");
  const to = streams.find(({ name }) => name === "requests").closed_until;
  const from = new Date(Date.parse(to) - 3_600_000).toISOString();
  const { documents, next_cursor } = await program.json(`site-visits?from=${from}&to=${to}&limit=5000`);
  assert.equal(next_cursor, null);
  assert.ok(documents.length > 100 && documents.every(({ open }) => !open));
  const { page, problems, close } = await program.open("/sessions?stream=requests&range=1h");
  const figure = page.locator(".figure", { hasText: "Ended" }).locator("b");
  const shows = (number) => page.waitForFunction((wanted) => document.querySelector(".figure b")?.textContent === wanted, number.toLocaleString("en"));
  await shows(documents.length);
  const first = page.getByRole("region", { name: "First path" }).locator("li").first();
  const path = await first.locator(".ranked-name").textContent();
  const begun = documents.filter(({ first_path }) => first_path === path);
  assert.equal(await first.locator("b").textContent(), begun.length.toLocaleString("en"));
  await first.locator(".ranked-name button, .ranked-name a").first().click();
  await page.waitForURL(/where=first_path/);
  await shows(begun.length);
  assert.equal(await figure.textContent(), begun.length.toLocaleString("en"));
  await page.goto(program.at("/sessions?stream=clicks"));
  await page.getByText("This stream has no sessions.").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

test("times are the same instants in every zone", async () => {
  const seen = new Map();
  for (const zone of ["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]) {
    const { page, close } = await program.open(`/facts?stream=rsvps&range=1h&zone=${zone}`);
    const first = page.locator(".facts tbody time").first();
    seen.set(zone, [await first.getAttribute("datetime"), await first.textContent()]);
    await page.waitForFunction((wanted) => document.querySelector(".zone").value === wanted, zone);
    await close();
  }
  const instants = new Set([...seen.values()].map(([instant]) => instant));
  assert.equal(instants.size, 1);
  for (const [zone, [instant, text]] of seen) {
    const shown = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
    assert.ok(text.endsWith(shown.format(Date.parse(instant))), `${zone}: ${text}`);
  }
});

test("trends are narrowed by typing, sorted by a click, and compared", async () => {
  const { page, close } = await program.open("/trends?stream=rsvps&range=1h");
  const rows = page.locator(".trends-list tbody tr");
  await rows.first().waitFor();
  const listed = await rows.count();
  const name = await rows.nth(2).locator("th").textContent();
  await page.getByRole("searchbox").fill(name);
  await page.waitForFunction((wanted) => {
    const shown = [...document.querySelectorAll(".trends-list tbody th")].map((cell) => cell.textContent);
    const words = wanted.toLowerCase().split(" ");
    return shown.length > 0 && shown.every((text) => words.every((word) => text.toLowerCase().includes(word)));
  }, name);
  assert.ok(await rows.count() < listed);
  await page.getByRole("searchbox").fill("");
  await page.getByRole("button", { name: "Topic", exact: true }).click();
  await waitForQuery(page, "sort", "term");
  const names = await page.locator(".trends-list tbody th").allTextContents();
  assert.deepEqual(names, [...names].sort(new Intl.Collator("en", { numeric: true }).compare));
  await page.locator(".trends-pick").nth(0).click();
  await page.locator(".trends-pick").nth(3).click();
  await page.waitForFunction(() => document.querySelectorAll(".trends-compare .legend-item").length === 2);
  await close();
});

test("terms of a range are written as their documents write them", async () => {
  const { page, close } = await program.open("/trends?stream=rsvps&range=1h");
  const links = page.locator(".trends-list tbody th a");
  await links.first().waitFor();
  for (const link of (await links.all()).slice(0, 12)) {
    const [, topic] = new URL(await link.getAttribute("href"), program.at("/")).searchParams.get("where").split(":");
    const { documents: [known] } = await program.json(`trending-topics?topic=${encodeURIComponent(topic)}&limit=1`);
    assert.equal(await link.textContent(), known.name);
  }
  await close();
});

test("facts have the columns that one chooses, and go out as CSV", async () => {
  const { page, close } = await program.open("/facts?stream=rsvps&range=1h&columns=rsvp_id,group.name");
  await page.locator(".facts tbody tr").first().waitFor();
  const heads = await page.locator(".facts thead th").allTextContents();
  assert.deepEqual(heads.map((text) => text.trim()), ["Rsvp id", "Group name", "All fields"]);
  await page.getByRole("button", { name: "Show all fields" }).first().click();
  await page.locator(".fact-all").waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
  const [head, first] = (await readFile(await download.path(), "utf8")).split("\r\n");
  assert.ok(head.startsWith("@timestamp,rsvp_id,response"));
  assert.equal(first.split(",")[1], await page.locator(".facts tbody tr").first().locator("a").first().textContent());
  await close();
});

test("a view of the batch layer is sorted by a click, the largest first", async () => {
  const { page, close } = await program.open("/views/group-days?stream=rsvps");
  await page.getByRole("button", { name: "Yes" }).click();
  await waitForQuery(page, "sort", "-yes");
  const column = (await page.locator(".batch-rows thead th").allTextContents()).findIndex((text) => text.startsWith("Yes"));
  const numbers = (await page.locator(`.batch-rows tbody tr > :nth-child(${column + 1})`).allTextContents()).map(number);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a));
  assert.ok(numbers[0] > 0);
  await close();
});

test("the map plays, and its slider goes by keys", async () => {
  const { page, close } = await program.open("/map?stream=rsvps&range=1h");
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForURL(/at=/);
  const began = query(page).get("at");
  await page.waitForURL((url) => url.searchParams.get("at") !== began);
  await page.getByRole("button", { name: "Pause" }).click();
  const paused = Date.parse(query(page).get("at"));
  await page.getByRole("slider").focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL((url) => Date.parse(url.searchParams.get("at")) < paused);
  await page.getByRole("button", { name: "Now" }).click();
  await waitForQuery(page, "at", null);
  await close();
});

test("steps of four hours on the map are those of the page's zone, with the numbers of the API", async () => {
  for (const timeZone of ["UTC", "Asia/Kathmandu"]) {
    const { page, problems, close } = await program.open(`/map?stream=requests&range=24h&zone=${timeZone}`);
    await page.getByRole("combobox", { name: "Steps of the slider" }).selectOption("4h");
    const slider = page.getByRole("slider");
    await page.waitForFunction(() => document.querySelector(".play input")?.max < 10);
    await slider.focus();
    await page.keyboard.press("Home");
    const begins = [];
    for (let step = Number(await slider.getAttribute("max")); step >= 0; step -= 1) {
      await page.keyboard.press(begins.length === 0 ? "Home" : "ArrowRight");
      await page.waitForURL((url) => url.searchParams.get("at") > (begins.at(-1) ?? ""));
      const at = query(page).get("at");
      begins.push(at);
      const wall = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "short" }).format(Date.parse(at));
      assert.match(wall, /^(00|04|08|12|16|20):00$/, timeZone);
      const to = new Date(Date.parse(at) + 4 * 3_600_000).toISOString();
      const asked = `top?view=request-activity&field=requests&by=country&from=${at}&to=${to}`;
      const { total } = await program.json(asked);
      await page.waitForFunction((wanted) => document.querySelector(".map-main h2").textContent.replaceAll(",", "").endsWith(` ${wanted}`), total ?? 0);
    }
    assert.ok(begins.length >= 6 && begins.length <= 7, `${begins}`);
    assert.deepEqual(problems, []);
    await close();
  }
});

test("a dead letter shows its payload", async () => {
  const { page, close } = await program.open("/pipeline?stream=rsvps");
  await page.getByRole("button", { name: "Payload" }).first().click();
  const { documents } = await program.json("dead-letters?limit=1000");
  const payload = await page.locator(".payload").textContent();
  const known = documents.map((document) => {
    try {
      return JSON.stringify(JSON.parse(document.payload), null, 2);
    } catch {
      return document.payload;
    }
  });
  assert.ok(known.includes(payload));
  await close();
});

test("old data are said to be old, and an unknown stream says which there are", async () => {
  const old = await program.open("/?stream=rsvps");
  await old.page.getByText(/These responses end on 1 Jan 2026/).waitFor();
  await old.close();
  const unknown = await program.open("/?stream=nothing");
  await unknown.page.getByText("No stream “nothing” is served here.").waitFor();
  await unknown.close();
});

test("how long ago something was is told in years that are over", async () => {
  const data = temporary();
  const sample = await readFile(new URL("../../../streams/clicks/sample.ndjson", import.meta.url), "utf8");
  const EARLIER_SECONDS = 436_000_000;
  const input = sample.replace(/"t":(\d+)/g, (_, time) => `"t":${time - EARLIER_SECONDS}`);
  const { status, stderr } = spawnSync(process.env.PULSO_PROGRAM, ["replay", "-", "--stream", "clicks", "--data", data], { input });
  assert.equal(status, 0, String(stderr));
  const server = await start(["serve", "--data", data, "--listen", "127.0.0.1:0", "--stream", "clicks"]);
  const { page, close } = await program.open(`${server.address}/?stream=clicks`, { viewport: { width: 1920, height: 860 } });
  const years = Math.floor((Date.now() - Date.parse("2012-03-12T16:18:40Z")) / (365.25 * 86_400_000));
  await page.getByText(new RegExp(`These clicks end on 12 Mar 2012, .*, ${years} years ago`)).waitFor();
  await page.locator(".status", { hasText: `${years} years ago` }).waitFor();
  await close();
  await server.stop();
});

test("a slow network shows what loads, and then all of it", async () => {
  const { page, problems, close } = await program.open("about:blank");
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await page.route("**/api/v1/series*", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(program.at("/?stream=rsvps&range=1h"));
  await page.getByText("Loading…").first().waitFor();
  release();
  await page.waitForFunction(() => !document.body.innerText.includes("Loading…"));
  assert.deepEqual(problems, []);
  await close();
});

test("a first load asks each question once", async () => {
  const { page, close } = await program.open("about:blank");
  const asked = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (pathname.startsWith("/api/v1/")) asked.push(pathname.slice("/api/v1/".length) + search);
  });
  await page.goto(program.at("/?stream=rsvps&range=1h"));
  // Lines come with the list of what trends.
  await page.locator(".overview-terms .ranked-spark polyline").first().waitFor();
  await page.waitForLoadState("load");
  const times = new Map();
  for (const question of asked) times.set(question, (times.get(question) ?? 0) + 1);
  // The first event asks how far the stream is now.
  times.delete("status");
  const twice = [...times].filter(([, count]) => count > 1).map(([question]) => question);
  assert.deepEqual(twice, []);
  assert.deepEqual(new Set(asked.slice(0, 4)), new Set(["streams", "views", "session", "status"]));
  await close();
});

test("the cards stay where they are while the overview loads, however few terms are listed", async () => {
  const { page, close } = await program.open("about:blank");
  // The browser watches for itself, so that nothing is missed between two looks.
  await page.addInitScript(() => {
    const tops = (globalThis.tops = []);
    const look = () => {
      const map = document.querySelector(".overview-where");
      if (map !== null) tops.push(Math.round(map.getBoundingClientRect().top));
      requestAnimationFrame(look);
    };
    look();
  });
  await page.goto(program.at("/?stream=clicks&range=1h"));
  await page.locator(".overview-terms .ranked-spark polyline").first().waitFor();
  await page.waitForFunction(() => !document.querySelector(".waiting, [aria-busy=true]"));
  const tops = await page.evaluate(() => globalThis.tops);
  const LINE_PX = 20;
  assert.ok(Math.max(...tops) - Math.min(...tops) < LINE_PX, `the map was at ${[...new Set(tops)]}`);
  await close();
});

test("a server that is gone is said to be gone; when it is back, so is the page", async () => {
  const first = await serve();
  const { page, close } = await program.open(`${first.address}/?stream=rsvps`);
  await page.locator(".overview").waitFor();
  await first.stop();
  await page.getByText(/The server does not answer since/).waitFor();
  assert.ok(await page.locator(".overview").isVisible(), "what was shown stays");
  const second = await serve(new URL(first.address).host);
  await page.getByText(/The server does not answer since/).waitFor({ state: "detached" });
  await close();
  await second.stop();
});

test("figures of a running stream follow it without a reload", async () => {
  const demo = await start(["demo", "--data", temporary(), "--listen", "127.0.0.1:0", "--rate", "300", "--set", "window.size=10s", "--set", "window.slide=1s"]);
  const { page, problems, close } = await program.open(`${demo.address}/?stream=rsvps`);
  const text = () => page.locator(".figure b").first().textContent();
  await page.locator(".figure b").first().waitFor();
  const known = await text();
  await page.waitForFunction((text) => document.querySelector(".figure b")?.textContent !== text, known);
  assert.deepEqual(problems, []);
  await close();
  await demo.stop();
});
