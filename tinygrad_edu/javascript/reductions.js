// Sums, means, extremes and products along axes.

/** The reduced axes as a list, counted from the front. */
function axesOf(axis, ndim) {
  if (axis === null || axis === undefined || ndim === 0) return Array.from({ length: ndim }, (_, i) => i);
  return (Array.isArray(axis) ? axis : [axis]).map((a) => axisOf(a, ndim));
}

function reducedShape(shape, axes, keepdims) {
  if (keepdims) return shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return shape.filter((_, axis) => !axes.includes(axis));
}

/**
 * Reduce axes by `fold`, one of the functions below. The last axes, and the first of two, are reduced where they are;
 * others are moved to the end before.
 */
function reduce(fold, x, { axis = null, keepdims = false, dtype, initial, start } = {}) {
  const axes = axesOf(axis, x.shape.length);
  const kept = x.shape.map((_, a) => a).filter((a) => !axes.includes(a));
  const out = empty(reducedShape(x.shape, axes, keepdims), dtype ?? x.dtype);
  const count = sizeOf(axes.map((a) => x.shape[a]));
  const first = initial ?? start;
  if (count === 0 && first === undefined) throw new TypeError("an extreme of no numbers does not exist");
  const inRows = axes.length === 1 && axes[0] === 0 && x.shape.length === 2;
  const moved = inRows || kept.every((a, i) => a === i) ? x : transpose(x, [...kept, ...axes]);
  // Entry k of line i is at i * line + k * step.
  const [line, step] = inRows ? [1, out.data.length] : [count, 1];
  fold(moved.data, out.data, count, line, step, first);
  return out;
}

function addUp(x, y, count, line, step, first) {
  for (let i = 0; i < y.length; i += 1) {
    let total = first;
    for (let k = 0, at = i * line; k < count; k += 1, at += step) total += x[at];
    y[i] = total;
  }
}

/** A fold with a function of two numbers, from `first` on, or from the first entry if there is none. */
const foldBy = (f) => (x, y, count, line, step, first) => {
  for (let i = 0; i < y.length; i += 1) {
    let total = first ?? x[i * line];
    for (let k = first === undefined ? 1 : 0; k < count; k += 1) total = f(total, x[i * line + k * step]);
    y[i] = total;
  }
};

const countedType = (x) => (x.dtype === "bool" ? "int64" : x.dtype);
const larger = (x, y) => (x > y || x !== x ? x : y);
const smaller = (x, y) => (x < y || x !== x ? x : y);

const sum = (x, options) => reduce(addUp, x, { dtype: countedType(x), start: 0, ...options });
const multiplyUp = foldBy((a, b) => a * b);
const largest = foldBy(larger);
const smallest = foldBy(smaller);
const anyOf = foldBy((a, b) => Number(a || b !== 0));
const allOf = foldBy((a, b) => Number(a && b !== 0));
const prod = (x, options) => reduce(multiplyUp, x, { dtype: countedType(x), start: 1, ...options });
const max = (x, options) => reduce(largest, x, options);
const min = (x, options) => reduce(smallest, x, options);
const any = (x, options) => reduce(anyOf, x, { dtype: "bool", start: 0, ...options });
const all = (x, options) => reduce(allOf, x, { dtype: "bool", start: 1, ...options });

const countOf = (x, axis) => sizeOf(axesOf(axis, x.shape.length).map((a) => x.shape[a]));

function mean(x, { axis = null, keepdims = false } = {}) {
  return ufuncs.divide(sum(isFloat(x) ? x : astype(x, "float64"), { axis, keepdims }), countOf(x, axis));
}

function variance(x, { axis = null, keepdims = false, ddof = 0 } = {}) {
  const away = ufuncs.subtract(x, mean(x, { axis, keepdims: true }));
  const n = countOf(x, axis) - ddof;
  return ufuncs.divide(sum(ufuncs.multiply(away, away), { axis, keepdims }), n > 0 ? n : 0);
}

const std = (x, options) => ufuncs.sqrt(variance(x, options));

/** The index of the first extreme along an axis, or in the flattened array. */
function argExtreme(better, x, { axis = null } = {}) {
  const flat = axis === null ? reshape(x, [x.size]) : x;
  const along = axisOf(axis ?? 0, flat.shape.length);
  const kept = flat.shape.map((_, a) => a).filter((a) => a !== along);
  const moved = transpose(flat, [...kept, along]);
  const count = flat.shape[along];
  const out = empty(kept.map((a) => flat.shape[a]), "int64");
  for (let i = 0; i < out.size; i += 1) {
    let best = 0;
    for (let k = 1; k < count; k += 1) if (better(moved.data[i * count + k], moved.data[i * count + best])) best = k;
    out.data[i] = best;
  }
  return out;
}

const argmax = (x, options) => argExtreme((a, b) => a > b || (a !== a && b === b), x, options);
const argmin = (x, options) => argExtreme((a, b) => a < b || (a !== a && b === b), x, options);

/** The result of `f` for the entries from the start of an axis up to each entry. */
function accumulate(f, x, { axis = null } = {}) {
  if (axis === null || !x.shape.length) return accumulate(f, reshape(x, [x.size]), { axis: 0 });
  const out = astype(x, countedType(x)).copy();
  const along = axisOf(axis, x.shape.length);
  const stride = stridesOf(x.shape)[along];
  for (let i = 0; i < out.size; i += 1) {
    if (Math.floor(i / stride) % x.shape[along]) out.data[i] = f(out.data[i - stride], out.data[i]);
  }
  return out;
}

const cumsum = (x, options) => accumulate((a, b) => a + b, x, options);
const cumprod = (x, options) => accumulate((a, b) => a * b, x, options);
