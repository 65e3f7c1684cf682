// Makes the files that the program serves, from the sources here: `node build.mjs [FOLDER]`.
// The same sources and lockfile give the same bytes; `build.sh --check` relies on that.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { geoCentroid } from "d3-geo";
import { build } from "esbuild";
import { feature } from "topojson-client";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
const PACKAGES = ["d3-array", "d3-geo", "internmap", "preact", "topojson-client", "uplot", "world-atlas"];

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const bundled = {
  absWorkingDir: here,
  outdir: out,
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};
await build({ ...bundled, entryPoints: { app: "src/main.tsx" }, format: "esm" });
for (const name of ["index.html", "icon.svg"]) {
  await copyFile(join(here, "src", name), join(out, name));
}
await writeFile(join(out, "world.json"), JSON.stringify(await world()));
await writeFile(join(out, "licenses.txt"), await licenses());
await writeFile(join(out, "report.html"), await report());

// The page of a report: all in one file, and the browser runs and loads nothing but what is in it.
async function report() {
  const { outputFiles } = await build({
    ...bundled, entryPoints: { report: "src/report/main.tsx" }, format: "iife", write: false,
  });
  const [script, style] = [".js", ".css"].map((end) => outputFiles.find(({ path }) => path.endsWith(end)).text.trim());
  const hash = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
  const parts = {
    "SCRIPT-HASH": hash(script),
    "STYLE-HASH": hash(style),
    ICON: (await readFile(join(here, "src/icon.svg"))).toString("base64"),
    STYLE: style,
    SCRIPT: script,
    LICENSES: await licenses(),
  };
  for (const [name, end] of [["SCRIPT", /<\/script|<!--/i], ["STYLE", /<\/style/i], ["LICENSES", /--!?>/]]) {
    if (end.test(parts[name])) throw new Error(`${name} of the report would end too early`);
  }
  const page = await readFile(join(here, "src/report/index.html"), "utf8");
  return page.replace(/SCRIPT-HASH|STYLE-HASH|ICON|STYLE|SCRIPT|LICENSES/g, (name) => parts[name]);
}

// The shapes of countries under the codes that streams use. Those too small for a shape at this scale
// are points.
async function world() {
  const atlas = async (scale) =>
    JSON.parse(await readFile(join(here, `node_modules/world-atlas/countries-${scale}.json`), "utf8"));
  const coarse = await atlas("110m");
  const fine = await atlas("50m");
  const geometries = coarse.objects.countries.geometries
    .filter(({ properties }) => properties.name !== "Antarctica")
    .map(({ type, arcs, ...country }) => ({ type, arcs, id: code(country) }));
  const shaped = new Set(geometries.map(({ id }) => id));
  const points = {};
  for (const country of fine.objects.countries.geometries) {
    const id = code(country);
    if (id === undefined || shaped.has(id) || id in points) continue;
    points[id] = geoCentroid(feature(fine, country)).map((degrees) => Number(degrees.toFixed(2)));
  }
  delete coarse.objects.land;
  coarse.objects.countries.geometries = geometries;
  return { ...coarse, points };
}

// The atlas has the numbers of ISO 3166-1. As a region of a locale, a number becomes its letters.
function code({ id, properties }) {
  if (id === undefined) return properties.name === "Kosovo" ? "XK" : undefined;
  return Intl.getCanonicalLocales(`und-${id}`)[0].slice("und-".length);
}

async function licenses() {
  const texts = [];
  for (const name of PACKAGES) {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    texts.push(`${name} ${version}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`);
  }
  return `The pages of Pulso contain these packages.\n\n${texts.join(`\n${"-".repeat(72)}\n\n`)}`;
}
