// Numbers and arrays as the page shows them.

const isArray = (data) => data !== null && typeof data === "object";

/** What JSON has no number for: Python writes nan, inf and -inf as strings. */
function numberOf(x) {
  if (typeof x !== "string") return x;
  return { nan: NaN, inf: Infinity, "-inf": -Infinity }[x];
}

/** An array from the page's data, its entries as numbers. */
function arrayOf(data) {
  if (!isArray(data)) return numberOf(data);
  const walk = (x) => (Array.isArray(x) ? x.map(walk) : numberOf(x));
  const read = Object.entries(data).map(([key, x]) => [key, key === "shape" || key === "dtype" ? x : walk(x)]);
  return Object.fromEntries(read);
}

/** The entries of a small array in order, or null for a large one. */
const entries = (data) => (data.values === undefined ? null : [data.values].flat(Infinity));

/** A number or an array in a few characters; of a larger array its shape, if wanted, and its range. */
function brief(data, { shape = true, digits = 4 } = {}) {
  if (data === null) return null;
  const short = (x) => numberText(x, digits);
  if (!isArray(data)) return numberText(data);
  const all = entries(data);
  if (all && all.length <= 3) return data.shape.length ? `[${all.map(short).join(", ")}]` : short(all[0]);
  const size = data.shape.join("×");
  const bad = (all ?? [data.min, data.mean, data.max]).find((x) => typeof x === "number" && !Number.isFinite(x));
  if (bad !== undefined) return `${size} ${short(bad)}`;
  if (all && (!all.length || typeof all[0] !== "number")) return size; // empty, or true and false
  const [low, high] = all ? [Math.min(...all), Math.max(...all)] : [data.min, data.max];
  const range = low === high ? short(low) : `${short(low)}…${short(high)}`;
  return shape ? `${size} ${range}` : range;
}

/** Whether a NaN or an infinity is in it. */
function odd(data) {
  if (data === null) return false;
  if (!isArray(data)) return typeof data === "number" && !Number.isFinite(data);
  const looked = entries(data) ?? [data.min, data.mean, data.max];
  return looked.some((x) => typeof x === "number" && !Number.isFinite(x));
}
