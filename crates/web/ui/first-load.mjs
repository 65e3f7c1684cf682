// Measures the first load of the overview in a real browser that has nothing of it yet: `node first-load.mjs URL [LOADS]`.
// Prints medians over the loads, and what was sent. PULSO_CHROMIUM names the browser. A page is there when its figures
// are, and complete with its last change: when its lists, lines and map are there as well.

import { chromium } from "playwright-core";

const [url, loads = "15"] = process.argv.slice(2);
if (url === undefined) throw new Error("which page? `node first-load.mjs URL [LOADS]`");

const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath: process.env.PULSO_CHROMIUM, args });

// The browser watches for itself, so that nothing is waited for between two looks.
function watch() {
  const QUIET_MS = 1000;
  const seen = { figures: undefined, complete: undefined };
  globalThis.firstLoad = seen;
  let changed = 0;
  const inPage = ({ target }) => (target instanceof Element ? target : target.parentElement)?.closest("#page");
  new MutationObserver((changes) => {
    if (changes.some(inPage)) changed = performance.now();
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  const look = () => {
    if (seen.figures === undefined && /\d/.test(document.querySelector(".figure b")?.textContent ?? "")) {
      seen.figures = performance.now();
    }
    const waits = seen.figures === undefined || document.querySelector(".waiting, [aria-busy=true]");
    if (!waits && performance.now() - changed > QUIET_MS) {
      seen.complete = changed;
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
