// The page: files in, controls, and what is shown. The work is done in explain.js.

import { OPACITY, Problem, colors, encode, explain, frame, isSigned, openModel, scaled, settle } from "./explain.js";

const ORT = "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
// Made by the commands in README.md; the others come with the repository.
const MODEL = "efficientnet-lite0";
const SHIPPED = [
  `${MODEL}.explained.onnx`,
  `../../models/${MODEL}.labels.json`,
  "../photos/chelsea.png",
];
// Longest side of the drawn map, and sides below which pixels are shown as blocks.
const LARGE = 512;
const TINY = 64;
const BEST = 5;

const at = (id) => document.getElementById(id);
// What was given so far, and what was found last.
const state = { model: null, recipe: null, labels: null, picture: null, found: null };
let work = Promise.resolve();

/** Do one thing after the other, and say in one line what goes wrong. */
function next(doing, task) {
  at("error").hidden = true;
  work = work.then(async () => {
    at("status").textContent = doing;
    at("found").setAttribute("aria-busy", "true");
    await new Promise((painted) => setTimeout(painted, 20)); // the work blocks the page
    try {
      await task();
    } catch (error) {
      const told = error instanceof Problem ? error.message : `this went wrong: ${error.message ?? error}`;
      at("error").textContent = told.split("\n")[0];
      at("error").hidden = false;
      at("status").textContent = "";
    }
    at("found").removeAttribute("aria-busy");
  });
}

async function runtime() {
  try {
    return await import(ORT);
  } catch {
    throw new Problem("onnxruntime-web is not here; run npm install in this folder and load the page again");
  }
}

async function take(files) {
  const given = {};
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (name.endsWith(".onnx")) given.model = file;
    else if (/[._](onnx_)?data$/.test(name)) given.data = file;
    else if (/\.(json|txt)$/.test(name)) Object.assign(given, readText(file.name, await file.text()));
    else given.picture = file;
  }
  if (given.picture) state.picture = await readPicture(given.picture);
  if (given.model) {
    // What belonged to another model is forgotten with it.
    state.model?.session.release();
    Object.assign(state, { model: null, recipe: null, labels: null, found: null });
    at("found").hidden = true;
    const beside = given.data && { name: given.data.name, bytes: await bytesOf(given.data) };
    state.model = await openModel(await runtime(), await bytesOf(given.model), given.model.name, beside);
    at("target").replaceChildren(new Option("", "-1"));
    at("contrast").value = String(state.model.said.defaults?.contrast ?? -1);
    for (const id of ["target", "contrast"]) at(id).disabled = !state.model.asks;
  }
  if (given.recipe) state.recipe = given.recipe;
  if (given.labels) state.labels = given.labels;
  if (state.model && state.picture) await update();
  else at("status").textContent = state.model ? "Now a picture." : "Now a model that carries its maps.";
}

const bytesOf = async (file) => new Uint8Array(await file.arrayBuffer());

/** Class names or preprocessing, whichever a text file holds. */
function readText(name, text) {
  if (name.endsWith(".txt")) return { labels: text.split(/\r?\n/).filter(Boolean) };
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Problem(`${name} is not JSON`);
  }
  if (Array.isArray(data)) return { labels: data.map(String) };
  if (data && typeof data === "object" && ("scale" in data || "mean" in data || "layout" in data)) {
    return { recipe: data };
  }
  throw new Problem(`${name} is neither a list of class names nor preprocessing`);
}

async function readPicture(file) {
  try {
    const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.fillStyle = "white"; // below transparent pictures
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  } catch {
    throw new Problem(`${file.name} is not a picture that this browser can read`);
  }
}

/** Explain the picture, and show it. */
async function update() {
  const { model, picture } = state;
  const recipe = settle(model, state.recipe);
  const pixels = frame(picture, recipe);
  const x = encode(model.ort, pixels, recipe);
  const [target, contrast] = [Number(at("target").value), Number(at("contrast").value)];
  const start = performance.now();
  const found = await explain(model, x, target, contrast);
  const milliseconds = performance.now() - start;
  const order = found.scores.map((_, k) => k).sort((a, b) => found.scores[b] - found.scores[a]);
  state.found = { ...found, pixels, recipe, order, target: target < 0 ? order[0] : target };
  note();
  fillControls(target);
  draw();
  at("found").hidden = false;
  at("status").textContent = `Explained in ${(milliseconds / 1000).toFixed(2)} s.`;
  // For programs that use the page, its test among them.
  document.dispatchEvent(new CustomEvent("explained", { detail: { ...found, x, milliseconds } }));
}

/** Say what had to be assumed. */
function note() {
  const { model, labels, recipe, found } = state;
  const told = [];
  if (!model.asks) {
    told.push("This file explains its default class alone; export it with --required-inputs to choose another one.");
  }
  if (!recipe && !model.takesPixels) told.push("No preprocessing was given: pixels of 0 to 1 are assumed, which may be wrong.");
  const origin = model.said.preprocess_from ?? "";
  if (/guess/.test(origin)) told.push(`The preprocessing in the file is a guess: ${origin}.`);
  if (labels && labels.length !== found.scores.length) {
    told.push(`${labels.length} class names do not fit ${found.scores.length} scores of ${model.name}.`);
  }
  at("note").textContent = told.join(" ");
  at("note").hidden = !told.length;
}

function nameOf(k) {
  const { labels, found } = state;
  return labels?.length === found.scores.length ? labels[k] : `class ${k}`;
}

function fillControls(chosen) {
  const { found } = state;
  const { scores, order } = found;
  const named = order.map((k) => new Option(`${nameOf(k)} (${scores[k].toFixed(2)})`, k));
  at("target").replaceChildren(new Option(`what is predicted: ${nameOf(order[0])}`, "-1"), ...named);
  at("target").value = String(chosen);
  const methods = Object.keys(found.maps);
  const method = at("method").value;
  at("method").replaceChildren(...methods.map((name) => new Option(name, name)));
  if (methods.includes(method)) at("method").value = method;
  at("method-of").hidden = methods.length < 2;
  at("scores").replaceChildren(...order.slice(0, BEST).map((k) => row(k, scores[k], k === found.target)));
}

function row(k, score, explained) {
  const line = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = nameOf(k);
  if (explained) line.setAttribute("aria-current", "true");
  line.append(head);
  line.insertCell().textContent = score.toFixed(3);
  return line;
}

/** The picture as the model saw it, and the map over it. */
function draw() {
  const { pixels, maps, recipe, target } = state.found;
  const { width, height } = pixels;
  put("picture", pixels);
  at("picture").classList.toggle("tiny", Math.min(width, height) < TINY);
  const unit = LARGE / Math.max(width, height);
  const [columns, rows] = [Math.round(width * unit) || 1, Math.round(height * unit) || 1];
  const map = scaled(maps[at("method").value], recipe);
  put("map", colors(map, rows, columns));
  const text = isSigned(map)
    ? `Red supports ${nameOf(target)}, blue opposes it, white is neither.`
    : `Yellow supports ${nameOf(target)} most, black not at all.`;
  at("caption").textContent = text;
  at("view").setAttribute("aria-label", `The picture as the model saw it, with the map over it. ${text}`);
}

function put(id, { data, width, height }) {
  Object.assign(at(id), { width, height });
  at(id).getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
}

const opacity = () => {
  at("map").style.opacity = at("opacity").value / 100;
  at("shown").textContent = `${at("opacity").value} %`;
};

at("files").addEventListener("change", ({ target }) => {
  const files = [...target.files];
  target.value = ""; // the same file may be chosen again
  next("Reading …", () => take(files));
});
at("drop").addEventListener("dragover", (event) => {
  event.preventDefault();
  at("drop").classList.add("over");
});
at("drop").addEventListener("dragleave", () => at("drop").classList.remove("over"));
at("drop").addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  const files = [...event.dataTransfer.files];
  next("Reading …", () => take(files));
});
at("shipped").addEventListener("click", () => next("Loading the example …", async () => {
  const files = SHIPPED.map(async (path) => {
    const answer = await fetch(path);
    if (!answer.ok) throw new Problem(`${path} is not here; make it with the command in README.md`);
    return new File([await answer.blob()], path.split("/").pop());
  });
  await take(await Promise.all(files));
}));
for (const id of ["target", "contrast"]) at(id).addEventListener("change", () => next("Explaining …", update));
at("method").addEventListener("change", draw);
at("opacity").addEventListener("input", opacity);
at("opacity").value = 100 * OPACITY;
opacity();
