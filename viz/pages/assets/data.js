// Numbers and arrays as the page shows them. An array is {shape, dtype, data}: its entries in order. Of one that is too
// large to be sent, min, mean and max are sent instead of the data.

const isArray = (data) => data !== null && typeof data === "object";

/** What JSON has no number for: Python writes nan, inf and -inf as strings. */
function numberOf(x) {
  if (typeof x !== "string") return x;
  return { nan: NaN, inf: Infinity, "-inf": -Infinity }[x];
}

/** A number or an array from the page's data. */
function arrayOf(record) {
  if (!isArray(record)) return numberOf(record);
  const { shape, dtype, values, min, mean, max } = record;
  if (values !== undefined) return { shape, dtype, data: [values].flat(Infinity).map((x) => Number(numberOf(x))) };
  return { shape, dtype, min: numberOf(min), mean: numberOf(mean), max: numberOf(max) };
}

/** The entries of an array in order, or null where they are not known. */
const entries = (data) => data.data ?? null;

/** Whether the entries are numbers, and not true and false. */
const isNumeric = (data) => data.dtype !== "bool";

const SCANNED = new WeakMap(); // arrays are never written to, so each is looked through once

/** The smallest and the largest entry, the largest finite size, and the first entry that is a NaN or an infinity. */
function scanned(data) {
  let found = SCANNED.get(data);
  if (found) return found;
  const all = entries(data) ?? [data.min, data.mean, data.max];
  found = { low: Infinity, high: -Infinity, size: 0, bad: undefined };
  for (let i = 0; i < all.length; i += 1) {
    const x = all[i];
    if (x < found.low) found.low = x;
    if (x > found.high) found.high = x;
    if (!Number.isFinite(x)) found.bad ??= x;
    else if (Math.abs(x) > found.size) found.size = Math.abs(x);
  }
  SCANNED.set(data, found);
  return found;
}

/** A number or an array in a few characters; of a larger array its shape, if wanted, and its range. */
function brief(data, { shape = true, digits = 4 } = {}) {
  if (data === null) return null;
  const short = (x) => numberText(x, digits);
  if (!isArray(data)) return numberText(data);
  const all = entries(data);
  if (all && all.length <= 3) return data.shape.length ? `[${Array.from(all, short).join(", ")}]` : short(all[0]);
  const size = data.shape.join("×");
  const { low, high, bad } = scanned(data);
  if (bad !== undefined) return `${size} ${short(bad)}`;
  if (all && (!all.length || !isNumeric(data))) return size;
  const range = low === high ? short(low) : `${short(low)}…${short(high)}`;
  return shape ? `${size} ${range}` : range;
}

/** Whether a NaN or an infinity is in it. */
function odd(data) {
  if (data === null) return false;
  return isArray(data) ? scanned(data).bad !== undefined : !Number.isFinite(data);
}

/** The one number that the data holds. */
const single = (data) => (isArray(data) ? entries(data)[0] : data);

/** Whether the data is one number. */
const isSingle = (data) => data !== null && (!isArray(data) || entries(data)?.length === 1);

/** Whether no entry is 0. */
const hasNoZero = (data) => (isArray(data) ? !(entries(data) ?? []).includes(0) : data !== 0);

/** The index of the entry that is the `flat`-th in order. */
function indexOf(flat, shape) {
  const index = [];
  for (const n of [...shape].reverse()) {
    index.unshift(flat % n);
    flat = Math.floor(flat / n);
  }
  return index;
}

/** The place of an index in order. */
const flatOf = (index, shape) => index.reduce((flat, k, d) => flat * shape[d] + k, 0);

/** An entry of a node by name: W[0,1]; the node's name alone where it is one number. */
function entryName(node, flat) {
  return node.shape?.length ? `${node.name}[${indexOf(flat, node.shape)}]` : node.name;
}
