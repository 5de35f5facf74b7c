// A picture in, scores and a map out, with a model that carries its explanation.
// Nothing here knows of a page or of files; `ort` is onnxruntime-web or onnxruntime-node.

import { INTERPOLATIONS, resize } from "./resize.js";

const EXPORTED = "onnxplain.export";
// Steps of the preprocessing that this example knows; docs/inputs.md has all of them.
const STEPS = new Set(
  ("version name layout size color dtype resize crop_fraction interpolation scale mean std").split(" "),
);
const RESIZES = ["crop", "stretch"];
// The scales of onnxplain's own pictures: from blue, against the class, to red, for it; and from
// black to yellow, for maps without negative numbers.
const BLUE_RED = "2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b";
const INFERNO =
  "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 f9cb35 f2ea69 fcffa4";
// How much of the grey picture the map covers.
export const OPACITY = 0.6;

/** An error that is told to people as it is. */
export class Problem extends Error {}

/**
 * Metadata of an ONNX file, which onnxruntime-web does not hand out: field 14 of the
 * outermost message, pairs of key (1) and value (2). Everything else is skipped.
 */
export function readMetadata(bytes, name) {
  const found = {};
  const text = new TextDecoder();
  let graph = false;
  try {
    for (const [field, value] of fields(bytes)) {
      graph ||= field === 7;
      if (field !== 14) continue;
      const pair = Object.fromEntries(fields(value));
      found[text.decode(pair[1])] = text.decode(pair[2]);
    }
  } catch {
    graph = false;
  }
  if (!graph) throw new Problem(`${name} is not an ONNX model, or it is damaged`);
  return found;
}

/** The fields of a protobuf message, as pairs of number and content. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      if (at >= bytes.length || factor > 2 ** 63) throw new RangeError("ends too early");
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === 0) {
      yield [field, varint()];
      continue;
    }
    const length = { 1: 8, 5: 4 }[kind] ?? (kind === 2 ? varint() : NaN);
    if (!(at + length <= bytes.length) || field === 0) throw new RangeError("no such field");
    yield [field, bytes.subarray(at, (at += length))];
  }
}

/** Open a model that `onnxplain export` wrote; `beside` is its `.data` file, if it has one. */
export async function openModel(ort, bytes, name, beside) {
  const metadata = readMetadata(bytes, name);
  if (!(EXPORTED in metadata)) {
    throw new Problem(
      `${name} carries no maps; write a file that does: onnxplain export ${name} -m grad-cam --required-inputs -o FILE`,
    );
  }
  const options = { logSeverityLevel: 3 };
  if (beside) options.externalData = [{ path: beside.name, data: beside.bytes }];
  let session;
  try {
    session = await ort.InferenceSession.create(bytes, options);
  } catch (error) {
    throw new Problem(`${name} cannot be opened: ${String(error.message ?? error).split("\n")[0]}`);
  }
  const said = JSON.parse(metadata[EXPORTED]);
  // A file with its preprocessing inside takes pixels; others take what they were trained on.
  const { picture, ...further } = said.inputs;
  const known = Object.values(further);
  const image = session.inputMetadata.find(({ name: own }) => own === picture || !known.includes(own));
  const maps = [...Object.values(said.outputs), ...Object.values(said.overlays ?? {})];
  const scores = session.outputNames.find((output) => !maps.includes(output));
  // An input with a default cannot be fed from JavaScript, nor is it listed.
  const asks = session.inputNames.includes(said.inputs.target);
  return { ort, session, said, image, scores, asks, takesPixels: Boolean(picture), name };
}

/** The preprocessing of a model: what is said of it, with the size that the file declares. */
export function settle(model, recipe) {
  const { shape, type } = model.image;
  if (!["float32", "uint8"].includes(type)) {
    throw new Problem(`${model.name} takes pictures of ${type}; this example writes float32 and uint8`);
  }
  const given = (model.takesPixels ? model.said.preprocess : recipe) ?? { scale: 1 / 255 };
  const way = given.resize ?? "crop";
  const interpolation = given.interpolation ?? "bicubic";
  const unknown = Object.keys(given).filter((key) => !STEPS.has(key));
  if (!RESIZES.includes(way)) unknown.push(`resize ${way}`);
  if (!INTERPOLATIONS.includes(interpolation)) unknown.push(`interpolation ${interpolation}`);
  if (given.color === "bands") unknown.push("color bands");
  if (unknown.length) {
    throw new Problem(`this example does not know this preprocessing: ${unknown.join(", ")}`);
  }
  const isChannels = (n) => n === 1 || n === 3;
  const mapLayout = given.layout ?? (isChannels(shape[1]) ? "NCHW" : "NHWC");
  const layout = model.takesPixels ? "NHWC" : mapLayout;
  const sides = layout === "NCHW" ? shape.slice(2) : shape.slice(1, 3);
  const size = sides.every((n) => typeof n === "number" && n > 0) ? sides : given.size;
  if (!size) throw new Problem(`${model.name} leaves its size open; add its .preprocess.json`);
  const declared = layout === "NCHW" ? shape[1] : shape[3];
  const channels = isChannels(declared) ? declared : given.color === "gray" ? 1 : 3;
  const color = given.color ?? (channels === 1 ? "gray" : "RGB");
  const each = (values, otherwise) => [0, 1, 2].map((k) => values?.[k] ?? values?.[0] ?? otherwise);
  return {
    layout, mapLayout, size, color, type, interpolation, channels,
    resize: way,
    fraction: given.crop_fraction ?? 1,
    order: color === "BGR" && !model.takesPixels ? [2, 1, 0] : [0, 1, 2],
    scale: model.takesPixels ? 1 : given.scale ?? 1,
    mean: each(model.takesPixels ? 0 : given.mean, 0),
    std: each(model.takesPixels ? 1 : given.std, 1),
  };
}

/** Pixels as the model sees them, of a picture {data, width, height} with four bytes a pixel. */
export function frame(picture, { size, resize: way, fraction, color, interpolation }) {
  const [height, width] = size;
  let [wide, high] = [picture.width, picture.height];
  if (way === "crop") {
    const unit = Math.min(wide / width, high / height);
    [wide, high] = [width * unit, height * unit];
  }
  [wide, high] = [Math.min(wide * fraction, picture.width), Math.min(high * fraction, picture.height)];
  const [left, top] = [(picture.width - wide) / 2, (picture.height - high) / 2];
  const box = [left, top, Math.min(left + wide, picture.width), Math.min(top + high, picture.height)];
  const plain = { data: opaque(picture.data, color === "gray"), width: picture.width, height: picture.height };
  return resize(plain, box, width, height, interpolation);
}

/** Pixels over white, in grey if asked for, weighted as Pillow weights the colours. */
function opaque(data, gray) {
  const made = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3];
    for (let c = 0; c < 3; c++) made[i + c] = (data[i + c] * alpha + 255 * (255 - alpha)) / 255;
    if (gray) {
      const level = (made[i] * 19595 + made[i + 1] * 38470 + made[i + 2] * 7471 + 0x8000) >> 16;
      made.fill(level, i, i + 3);
    }
    made[i + 3] = 255;
  }
  return made;
}

/** The tensor that a model takes: (pixel * scale - mean) / std for each channel. */
export function encode(ort, pixels, { layout, channels: count, order, type, scale, mean, std }) {
  const { width, height, data } = pixels;
  const places = width * height;
  const values = type === "uint8" ? new Uint8ClampedArray(count * places) : new Float32Array(count * places);
  for (let c = 0; c < count; c++) {
    for (let i = 0; i < places; i++) {
      const pixel = data[4 * i + order[c]];
      values[layout === "NCHW" ? c * places + i : i * count + c] = (pixel * scale - mean[c]) / std[c];
    }
  }
  const shape = layout === "NCHW" ? [1, count, height, width] : [1, height, width, count];
  return new ort.Tensor(type, type === "uint8" ? new Uint8Array(values.buffer) : values, shape);
}

/** Scores and maps; target -1 is the predicted class, contrast -1 none, -2 the next best, -3 the mean of the others. */
export async function explain(model, x, target = -1, contrast = model.said.defaults?.contrast ?? -1) {
  const { ort, session, said } = model;
  const index = (k) => new ort.Tensor("int64", BigInt64Array.of(BigInt(k)), [1]);
  const feeds = { [model.image.name]: x };
  if (model.asks) {
    feeds[said.inputs.explain] = new ort.Tensor("bool", [true], []);
    feeds[said.inputs.target] = index(target);
    feeds[said.inputs.contrast] = index(contrast);
  }
  const found = await session.run(feeds, [model.scores, ...Object.values(said.outputs)]);
  const maps = Object.entries(said.outputs).map(([method, name]) => [method, found[name]]);
  return { scores: flatScores(found[model.scores]), maps: Object.fromEntries(maps) };
}

/** One score for each class; of a dense answer, the mean over its places. */
function flatScores({ data, dims }) {
  const count = dims[1] ?? 1;
  const places = data.length / count;
  return Array.from({ length: count }, (_, k) =>
    data.slice(k * places, (k + 1) * places).reduce((sum, v) => sum + Number(v) / places, 0),
  );
}

/** A map without channels, scaled to -1..1, as {values, height, width}. */
export function scaled({ data, dims }, { mapLayout, size }) {
  const shape = dims.slice(1);
  const axis = shape.length < 3 ? -1 : mapLayout === "NCHW" ? 0 : 2;
  const count = axis < 0 ? 1 : shape[axis];
  const [height, width] = shape.filter((_, k) => k !== axis);
  const values = new Float64Array(height * width);
  data.forEach((v, i) => {
    values[axis === 0 ? i % values.length : Math.floor(i / count)] += v;
  });
  // Single pixels can be far above all others; a coarse map ends its colours at its maximum.
  const sorted = values.map(Math.abs).filter((v) => v > 0).sort();
  const fine = height === size[0] && width === size[1];
  const top = sorted[fine ? Math.floor(0.99 * (sorted.length - 1)) : sorted.length - 1] ?? 1;
  return { values: values.map((v) => Math.max(-1, Math.min(1, v / top))), height, width };
}

/** Whether a map has negative numbers, and so the scale from blue to red. */
export const isSigned = ({ values }) => values.some((v) => v < 0);

/** A function from a number of -1 (signed) or 0 to 1 to red, green and blue. */
function scale(signed) {
  const anchors = (signed ? BLUE_RED : INFERNO)
    .split(" ")
    .map((color) => [0, 2, 4].map((k) => parseInt(color.slice(k, k + 2), 16)));
  return (v) => {
    const at = (signed ? (v + 1) / 2 : v) * (anchors.length - 1);
    const low = Math.max(0, Math.min(anchors.length - 2, Math.floor(at)));
    return anchors[low].map((c, k) => c + (anchors[low + 1][k] - c) * (at - low));
  };
}

/** Colours of a map at a larger size, opaque: the page lays them over the picture in grey. */
export function colors(map, rows, columns) {
  const { values, height, width } = map;
  const color = scale(isSigned(map));
  const data = new Uint8ClampedArray(4 * columns * rows);
  const along = (k, large, small) => {
    const at = Math.max(0, Math.min(small - 1, ((k + 0.5) * small) / large - 0.5));
    return [Math.floor(at), Math.min(small - 1, Math.floor(at) + 1), at % 1];
  };
  for (let i = 0; i < rows; i++) {
    const [up, down, y] = along(i, rows, height);
    for (let j = 0; j < columns; j++) {
      const [left, right, x] = along(j, columns, width);
      const above = values[up * width + left] * (1 - x) + values[up * width + right] * x;
      const below = values[down * width + left] * (1 - x) + values[down * width + right] * x;
      const v = above * (1 - y) + below * y;
      data.set([...color(v), 255], 4 * (i * columns + j));
    }
  }
  return { data, width: columns, height: rows };
}
