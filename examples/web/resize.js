// Pictures are cut and resized as Pillow does it, bit for bit: browsers and image libraries all
// shrink in their own way, and a model's scores move with it.

// Filters: half of their width, and their value at a distance.
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const FILTERS = {
  box: [0.5, (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, cubic],
  lanczos: [3, (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
};
export const INTERPOLATIONS = Object.keys(FILTERS);
// Weights are whole numbers of this fraction, and so are sums.
const ONE = 2 ** 22;

function cubic(x) {
  const [a, d] = [-0.5, Math.abs(x)];
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/** For each new pixel the first old one that counts, and the weights from there on. */
function weights(length, first, last, wanted, [support, filter]) {
  const scale = Math.fround(last - first) / wanted;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: wanted }, (_, k) => {
    const middle = first + (k + 0.5) * scale;
    const from = Math.max(0, Math.trunc(middle - support * stretch + 0.5));
    const to = Math.min(length, Math.trunc(middle + support * stretch + 0.5));
    const raw = [];
    for (let i = from; i < to; i++) raw.push(filter((i - middle + 0.5) * (1 / stretch)));
    const total = raw.reduce((sum, w) => sum + w, 0);
    const whole = raw.map((w) => Math.trunc((w / total) * ONE + (w < 0 ? -0.5 : 0.5)));
    return [from, whole];
  });
}

/** One direction: `step` leads from a pixel to the next one, `across` from a line to the next. */
function pass(data, lines, across, step, chosen, out, outAcross, outStep) {
  for (let line = 0; line < lines; line++) {
    chosen.forEach(([from, whole], k) => {
      for (let c = 0; c < 4; c++) {
        let sum = ONE / 2;
        let at = line * across + from * step + c;
        for (const weight of whole) {
          sum += data[at] * weight;
          at += step;
        }
        // A clamped array keeps 0 to 255.
        out[line * outAcross + k * outStep + c] = Math.floor(sum / ONE);
      }
    });
  }
}

/**
 * The part [left, top, right, bottom] of a picture {data, width, height} with four bytes a
 * pixel, resized to a width and a height.
 */
export function resize({ data, width, height }, box, columns, rows, interpolation) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const filter = FILTERS[interpolation];
  const wide = new Uint8ClampedArray(4 * columns * height);
  const horizontal = weights(width, left, right, columns, filter);
  pass(data, height, 4 * width, 4, horizontal, wide, 4 * columns, 4);
  const made = new Uint8ClampedArray(4 * columns * rows);
  const vertical = weights(height, top, bottom, rows, filter);
  pass(wide, columns, 4, 4 * columns, vertical, made, 4, 4 * columns);
  return { data: made, width: columns, height: rows };
}
