// A report, opened from disk: figures, filters, the address, hostile text, paper; and nothing is asked of anybody.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { browser, open, temporary } from "./program.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = temporary();
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0";
const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
const HOSTILE = "/</script><script>document.title='taken'</script><img src=x onerror=alert(1)>";

// Three days, an hour apart; every third request is of Chrome, every tenth is not found.
const LINES = Array.from({ length: 72 }, (_, hour) => {
  const time = `${17 + Math.floor(hour / 24)}/May/2015:${String(hour % 24).padStart(2, "0")}:30:00 +0000`;
  const path = hour === 5 ? HOSTILE : `/page-${hour % 4}`;
  const agent = hour % 3 === 0 ? CHROME : hour === 7 ? "<script>alert(2)</script>" : FIREFOX;
  return `8.8.${hour % 5}.1 - - [${time}] "GET ${path} HTTP/1.1" ${hour % 10 === 9 ? 404 : 200} 1000 "-" "${agent}"`;
});

let chrome;
let file;

before(async () => {
  chrome = await browser();
  file = await made("access", [...LINES, "no line of an access log <b>at all</b>"].join("\n"), []);
});
after(() => chrome.close());

async function made(name, text, more) {
  const [input, output] = [join(folder, `${name}.log`), join(folder, `${name}.html`)];
  await writeFile(input, text);
  execFileSync(process.env.PULSO_PROGRAM, ["report", input, "-o", output, ...more], { stdio: "pipe" });
  return pathToFileURL(output).href;
}

async function opened(url, options) {
  const shown = await open(chrome, url, options);
  const asked = [];
  shown.page.on("request", (request) => asked.push(request.url()));
  shown.page.on("dialog", (dialog) => {
    shown.problems.push("a dialog");
    dialog.dismiss();
  });
  await shown.page.locator(".figures").waitFor();
  return { ...shown, asked };
}

const figure = (page, title) => page.locator(".figure", { has: page.getByRole("heading", { name: title, exact: true }) }).locator("b").first().textContent();
const card = (page, name) => page.getByRole("region", { name, exact: true });

test("figures, filters and the address", async () => {
  const { page, problems, asked, close } = await opened(file, { offline: true });
  assert.equal(await figure(page, "Requests"), "72");
  assert.equal(await figure(page, "Bytes"), "72 kB");
  // Each of five networks with each browser, on each day.
  const visitors = new Set(LINES.map((line) => [line.split(" ")[0], line.split('"')[5], line.slice(0, 40).match(/\d+\/May/)[0]].join()));
  assert.equal(await figure(page, "Visitors"), String(visitors.size));
  await card(page, "Browsers").getByRole("link", { name: "Chrome" }).click();
  assert.equal(await figure(page, "Requests"), "24");
  assert.match(page.url(), /#where=browser:Chrome$/);
  await card(page, "Kind").getByRole("link", { name: "4xx" }).click();
  const both = LINES.filter((_, hour) => hour % 3 === 0 && hour % 10 === 9).length;
  assert.equal(await figure(page, "Requests"), String(both));
  await page.goBack();
  assert.equal(await figure(page, "Requests"), "24");
  await page.keyboard.press("Escape");
  assert.equal(await figure(page, "Requests"), "72");
  await page.goto(`${file}#from=2015-05-18T00:00:00.000Z&to=2015-05-19T00:00:00.000Z&where=browser:Firefox`);
  assert.equal(await figure(page, "Requests"), "16");
  assert.deepEqual([problems, asked.filter((url) => !url.startsWith("file:"))], [[], []]);
  await close();
});

test("a drag chooses a time, and Escape the whole", async () => {
  const { page, close } = await opened(file);
  const plot = card(page, "Requests over time").locator(".u-over");
  const { x, y, width, height } = await plot.boundingBox();
  await page.mouse.move(x + width * 0.25, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width * 0.5, y + height / 2, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => location.hash.includes("from="));
  const address = new URL(page.url());
  const [from, to] = ["from", "to"].map((name) => Date.parse(new URLSearchParams(address.hash.slice(1)).get(name)));
  const within = LINES.filter((_, hour) => {
    const time = Date.parse("2015-05-17T00:30:00Z") + hour * 3_600_000;
    return from <= time && time < to;
  });
  assert.equal(await figure(page, "Requests"), String(within.length));
  await page.keyboard.press("Escape");
  assert.equal(await figure(page, "Requests"), "72");
  await close();
});

test("every four hours of a zone, and the map of each", async () => {
  for (const [zone, first] of [["UTC", "00:00"], ["Asia/Kolkata", "04:00"]]) {
    const { page, problems, close } = await opened(`${file}#zone=${zone}&by=browser`);
    const heat = page.locator("table.heat").first();
    assert.equal(await heat.locator("thead tr").nth(1).locator("th").first().textContent(), first, zone);
    const cells = await heat.locator("tbody td").allTextContents();
    assert.equal(cells.reduce((sum, text) => sum + Number(text), 0), 72, zone);
    const slider = page.getByRole("slider", { name: "Time on the map" });
    await slider.fill("1");
    assert.match(await slider.getAttribute("aria-valuetext"), /: 4 requests$/, zone);
    await page.waitForFunction(() => location.hash.includes("at="));
    assert.deepEqual(problems, []);
    await close();
  }
});

test("text of the messages stays text", async () => {
  const { page, problems, close } = await opened(file);
  await card(page, "Paths").getByText(HOSTILE).waitFor();
  await card(page, "What was counted").getByText("access.log, line 73").waitFor();
  assert.match(await page.title(), /^Web requests: /);
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(problems, []);
  await close();
});

test("what was made coarser is said", async () => {
  const text = Array.from({ length: 30_000 }, (_, at) => (
    `8.${at % 199}.${at % 251}.1 - - [${17 + (at % 3)}/May/2015:${String(at % 24).padStart(2, "0")}:${String(at % 59).padStart(2, "0")}:00 +0000] "GET /p${(at * 7919) % 6007} HTTP/1.1" 200 ${at} "-" "curl/8"`
  )).join("\n");
  const url = await made("large", text, ["--max-size", "250KiB"]);
  const { page, problems, close } = await opened(url);
  assert.equal(await figure(page, "Requests"), "30,000");
  await page.getByText("times are kept to the hour").waitFor();
  assert.deepEqual(problems, []);
  await close();
});

for (const [colorScheme, widths] of [["dark", [400]], ["light", [1280, 1920]]]) {
  test(`nothing sticks out or is hard to read: ${colorScheme}`, async () => {
    const { page, close } = await opened(file, { colorScheme, bypassCSP: true });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html)].join("\n")), []);
    for (const width of widths) {
      await page.setViewportSize({ width, height: 860 });
      const sticksOut = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(sticksOut <= 0, `${width}: ${sticksOut} px too wide`);
    }
    await close();
  });
}

test("paper is white, has no controls, and nothing is cut", async () => {
  const { page, problems, close } = await opened(file, { colorScheme: "dark" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.setViewportSize({ width: 720, height: 1000 });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  const shown = page.locator(".bar-end:visible, .play:visible, .tabs:visible, input:visible, select:visible");
  assert.equal(await shown.count(), 0);
  const sticksOut = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(sticksOut <= 0, `${sticksOut} px too wide`);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.deepEqual(problems, []);
  await close();
});
