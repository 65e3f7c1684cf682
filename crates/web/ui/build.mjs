// Makes the files that the program serves, from the sources here: `node build.mjs [FOLDER]`.
// The same sources and lockfile give the same bytes; `build.sh --check` relies on that.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { geoCentroid, geoEqualEarth, geoGraticule10, geoPath } from "d3-geo";
import { build } from "esbuild";
import { feature } from "topojson-client";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
const PACKAGES = ["d3-array", "d3-geo", "internmap", "preact", "uplot", "world-atlas"];

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

// A map of the world as a page draws it, projected here and not by each browser: countries under the codes that
// streams use. Those too small for a shape at this scale are points.
async function world() {
  // As `world.tsx` has it, and a margin.
  const [width, height, margin] = [960, 470, 2];
  const atlas = async (scale) =>
    JSON.parse(await readFile(join(here, `node_modules/world-atlas/countries-${scale}.json`), "utf8"));
  const [coarse, fine] = [await atlas("110m"), await atlas("50m")];
  const shapes = feature(coarse, coarse.objects.countries).features.filter(({ properties }) => properties.name !== "Antarctica");
  const all = { type: "FeatureCollection", features: shapes };
  const projection = geoEqualEarth().fitExtent([[margin, margin], [width - margin, height - margin]], all);
  const path = geoPath(projection).digits(1);
  const countries = shapes.map((country) => ({ code: code(country) ?? "", path: relative(path(country)) }));
  const shaped = new Set(countries.map(({ code }) => code));
  const points = {};
  for (const country of fine.objects.countries.geometries) {
    const id = code(country);
    if (id === undefined || shaped.has(id) || id in points) continue;
    points[id] = projection(geoCentroid(feature(fine, country))).map((at) => Number(at.toFixed(1)));
  }
  // What else is on the map is projected by who draws it.
  const [scale, translate] = [projection.scale(), projection.translate()];
  return { scale, translate, grid: relative(path(geoGraticule10())), countries, points };
}

// A path of lines, with each point but the first of a line as far as it is from the one before: that is shorter.
function relative(path) {
  let [x, y] = [0, 0];
  return path.replace(/([ML])([^MLZ]*)/g, (_, command, point) => {
    // In tenths, which are whole.
    const [toX, toY] = point.split(",").map((at) => Math.round(at * 10));
    const by = command === "M" ? `M${toX / 10},${toY / 10}` : `l${(toX - x) / 10},${(toY - y) / 10}`;
    [x, y] = [toX, toY];
    return by.replace(/(?<!\d)0\./g, ".");
  });
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
