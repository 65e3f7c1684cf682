// Measures the first load of the overview in a real browser that has nothing of it yet: `node first-load.mjs URL [LOADS]`.
// Prints medians over the loads, and what was sent. PULSO_CHROMIUM names the browser. A page is there when its figures
// are, and complete when nothing of it waits for an answer any more.

import { chromium } from "playwright-core";

const [url, loads = "15"] = process.argv.slice(2);
if (url === undefined) throw new Error("which page? `node first-load.mjs URL [LOADS]`");

const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.PULSO_CHROMIUM, args });

// The browser watches for itself, so that nothing is waited for between two looks.
function watch() {
  const seen = { figures: undefined, complete: undefined };
  globalThis.firstLoad = seen;
  const look = () => {
    if (seen.figures === undefined && /\d/.test(document.querySelector(".figure b")?.textContent ?? "")) {
      seen.figures = performance.now();
    }
    if (seen.figures !== undefined && !document.querySelector(".waiting, [aria-busy=true]")) {
      seen.complete = performance.now();
      return;
    }
    requestAnimationFrame(look);
  };
  look();
}

async function load() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  await page.addInitScript(watch);
  await page.goto(url);
  await page.waitForFunction(() => globalThis.firstLoad.complete !== undefined);
  const measured = await page.evaluate(() => {
    const sent = performance.getEntries().filter(({ entryType }) => entryType === "navigation" || entryType === "resource");
    const bytes = (of) => sent.filter(of).reduce((sum, { transferSize }) => sum + transferSize, 0);
    const isAnswer = ({ name }) => new URL(name).pathname.startsWith("/api/");
    return {
      painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      ...globalThis.firstLoad,
      filesBytes: bytes((entry) => !isAnswer(entry)),
      answersBytes: bytes(isAnswer),
    };
  });
  await context.close();
  return measured;
}

// The first load also starts parts of the browser.
await load();
const all = [];
for (let number = 0; number < Number(loads); number += 1) all.push(await load());
await browser.close();

function median(name) {
  const values = all.map((one) => one[name]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)];
}

const ms = (name) => `${Math.round(median(name))} ms`;
const kB = (name) => `${(median(name) / 1000).toFixed(1)} kB`;
console.log(`median of ${all.length} first loads of ${url}`);
console.log(`first paint ${ms("painted")}, figures ${ms("figures")}, complete ${ms("complete")}`);
console.log(`files ${kB("filesBytes")}, answers ${kB("answersBytes")}, as they were sent`);
