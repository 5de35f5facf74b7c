// Explain a picture with a model that carries its explanation:
//   node explain.js MODEL PICTURE [LABELS.json] [--preprocess FILE] [--target K] [--out FILE] [--json]

import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import jpeg from "jpeg-js";
import ort from "onnxruntime-node";
import { PNG } from "pngjs";
import { OPACITY, Problem, colors, encode, explain, frame, openModel, scaled, settle } from "../web/explain.js";

const USAGE =
  "usage: node explain.js MODEL PICTURE [LABELS.json] [--preprocess FILE] [--target K] [--out FILE] [--json]";

function readFile(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Problem(`cannot read ${path}: ${error.code}`);
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFile(path));
  } catch (error) {
    throw error instanceof Problem ? error : new Problem(`${path} is not JSON`);
  }
}

function readPicture(path) {
  const bytes = readFile(path);
  try {
    if (bytes[0] === 0x89) return PNG.sync.read(bytes);
    return jpeg.decode(bytes, { useTArray: true });
  } catch {
    throw new Problem(`${path} is neither a PNG nor a JPEG file`);
  }
}

/** The picture as the model saw it, in grey, with the map over it, as PNG. */
function overlay(pixels, map) {
  const { width, height } = pixels;
  const png = new PNG({ width, height });
  const over = colors(map, height, width).data;
  for (let i = 0; i < over.length; i += 4) {
    const [red, green, blue] = pixels.data.subarray(i, i + 3);
    const grey = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    for (let c = i; c < i + 3; c++) png.data[c] = Math.round(grey * (1 - OPACITY) + over[c] * OPACITY);
    png.data[i + 3] = 255;
  }
  return PNG.sync.write(png);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      preprocess: { type: "string" },
      target: { type: "string", default: "-1" },
      out: { type: "string", default: "overlay.png" },
      json: { type: "boolean", default: false },
    },
  });
  const [file, picture, labels] = positionals;
  const target = Number(values.target);
  if (!picture || !Number.isInteger(target)) throw new Problem(USAGE);
  const model = await openModel(ort, readFile(file), basename(file));
  if (!model.asks && target >= 0) {
    throw new Problem(`${basename(file)} explains its default class alone; export it with --required-inputs`);
  }
  if (!model.takesPixels && !values.preprocess) {
    throw new Problem(`${basename(file)} has no preprocessing inside; give --preprocess FILE, or export it with --uint8`);
  }
  const recipe = settle(model, values.preprocess && readJson(values.preprocess));
  const pixels = frame(readPicture(picture), recipe);
  const x = encode(ort, pixels, recipe);
  const start = performance.now();
  const { scores, maps } = await explain(model, x, target);
  const milliseconds = performance.now() - start;
  const [map] = Object.values(maps);
  writeFileSync(values.out, overlay(pixels, scaled(map, recipe)));
  if (values.json) {
    console.log(JSON.stringify({ scores, map: [...map.data], dims: map.dims, milliseconds }));
    return;
  }
  const names = labels ? readJson(labels) : scores.map((_, k) => `class ${k}`);
  const order = scores.map((_, k) => k).sort((a, b) => scores[b] - scores[a]);
  for (const k of order.slice(0, 5)) console.log(`${scores[k].toFixed(3).padStart(8)}  ${names[k]}`);
  console.log(`${values.out}: the map of ${names[target < 0 ? order[0] : target]}`);
}

main().catch((error) => {
  console.error(error.message.split("\n")[0]);
  process.exitCode = 1;
});
