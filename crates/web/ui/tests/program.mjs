// Runs the real program on the data that `scripts/pages.sh` made, and a browser.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";

import { chromium } from "playwright-core";

export const STREAMS = ["rsvps", "posts", "requests", "clicks"];

export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), "pulso-pages-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// Starts the program and waits until it says where it serves.
export function start(args) {
  const child = spawn(process.env.PULSO_PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
  const stop = () => new Promise((ended) => {
    child.once("exit", ended);
    child.kill("SIGTERM");
  });
  process.on("exit", () => child.kill("SIGKILL"));
  return new Promise((ready, failed) => {
    let said = "";
    const read = (text) => {
      said += text;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (address !== undefined) ready({ address, stop });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", () => failed(new Error(`the program ended: ${said}`)));
  });
}

export function serve(listen = "127.0.0.1:0") {
  const streams = STREAMS.flatMap((name) => ["--stream", name]);
  return start(["serve", "--data", process.env.PULSO_DATA, "--listen", listen, ...streams]);
}

// The program and a browser for all tests of a file; both are there when a test runs.
export function started(run = serve) {
  const shared = {
    at: (path) => new URL(path, shared.server.address).href,
    open: (path, options) => open(shared.chrome, shared.at(path), options),
    json: (path) => json(shared.server.address, path),
  };
  before(async () => {
    shared.server = await run();
    shared.chrome = await browser();
  });
  after(async () => {
    await shared.chrome.close();
    await shared.server.stop();
  });
  return shared;
}

// As root, a container's browser runs without its sandbox.
export function browser() {
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: process.env.PULSO_CHROMIUM, args });
}

// A page that remembers what went wrong in it.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  // A machine that does other things as well is slow, but nothing here waits longer than it must.
  page.setDefaultTimeout(60_000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(url);
  return { page, problems, close: () => context.close() };
}

export async function json(address, path) {
  const response = await fetch(`${address}/api/v1/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
