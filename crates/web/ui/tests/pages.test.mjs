// Every page of every stream, in every size and colour: nothing fails, nothing sticks out, and
// axe-core finds nothing serious.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";

import { STREAMS, started } from "./program.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const program = started();

async function paths(stream) {
  const { views } = await program.json("views");
  const own = views.filter((view) => view.stream === stream && view.kind !== "day");
  const desk = stream === "rsvps" ? ["/organiser", `/organiser?own=group:${(await aGroup()).urlname}`] : [];
  const sessions = stream === "requests" ? ["/sessions"] : [];
  return ["/", "/trends", "/map", "/facts", ...sessions, ...desk, ...own.map(({ name }) => `/views/${name}`), "/pipeline", "/streams"];
}

const aGroup = async () => (await program.json("organiser/groups")).groups[0];

// All that is asked for has been answered.
async function settled(page) {
  await page.waitForFunction(() =>
    document.querySelector("h1") && !document.querySelector(".waiting, [aria-busy=true]"));
}

// A phone in the dark, and screens in the light: what is there differs between sizes, and contrast
// between colours, but neither depends on the other.
const SEEN = [
  { colorScheme: "dark", widths: [400] },
  { colorScheme: "light", widths: [1280, 1920] },
];

async function examine(url, { colorScheme, widths }) {
  const { page, problems, close } = await program.open(url, { colorScheme, viewport: { width: widths[0], height: 860 } });
  await settled(page);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html)].join("\n"));
  assert.deepEqual(told, [], `${url}, ${colorScheme}`);
  for (const width of widths) {
    await page.setViewportSize({ width, height: 860 });
    const sticksOut = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(sticksOut <= 0, `${url} at ${width}: ${sticksOut} px too wide`);
  }
  assert.deepEqual(problems, [], url);
  assert.equal(await page.locator(".failure").count(), 0, url);
  await close();
}

for (const stream of STREAMS) {
  test(`${stream}: every page`, async (context) => {
    for (const path of await paths(stream)) {
      await context.test(path, async () => {
        for (const seen of SEEN) await examine(`${path}${path.includes("?") ? "&" : "?"}stream=${stream}&range=1h`, seen);
      });
    }
  });
}
