// Makes the files that the program serves, from the sources here: `node build.mjs [FOLDER]`.
// The same sources and lockfile give the same bytes; `build.sh --check` relies on that.

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
await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) {
  await copyFile(join(here, "src", name), join(out, name));
}
await writeFile(join(out, "world.json"), JSON.stringify(await world()));
await writeFile(join(out, "licenses.txt"), await licenses());

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
