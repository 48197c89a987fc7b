// Arrays of numbers as NumPy has them, in JavaScript: what a compiled program works on.
//
// An array is an NDArray {data, shape, dtype}: its entries in C order in a typed array. Every function gives a new
// array. Where NumPy takes a Python number, they take a JavaScript number, which gets the array's type.

const STORAGE = { float64: Float64Array, float32: Float32Array, int64: Float64Array, bool: Uint8Array };
const RANKS = ["bool", "int64", "float32", "float64"];

class NDArray {
  constructor(data, shape, dtype = "float64") {
    this.data = data;
    this.shape = shape;
    this.dtype = dtype;
  }

  get size() {
    return this.data.length;
  }

  /** The entries as nested arrays, or as a number. */
  toArray() {
    const nested = (shape, start) => {
      if (!shape.length) return this.data[start];
      const size = sizeOf(shape.slice(1));
      return Array.from({ length: shape[0] }, (_, i) => nested(shape.slice(1), start + i * size));
    };
    return nested(this.shape, 0);
  }

  /** The array in its own memory. */
  copy() {
    return new NDArray(this.data.slice(), this.shape, this.dtype);
  }
}

/** How many entries an array of this shape has. */
function sizeOf(shape) {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** A shape as Python writes it. */
const shapeText = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

const sameShape = (a, b) => a.length === b.length && a.every((n, i) => n === b[i]);

// --- memory: what one step of a program made is used again by the next, so that nothing is left to be collected

const memory = { free: new Map(), taken: [], active: false };

/** Run `program`; the arrays that it makes are used again later, so it must copy what it leaves. */
function withMemory(program) {
  if (memory.active) return program();
  memory.active = true;
  try {
    return program();
  } finally {
    for (const data of memory.taken) memory.free.get(data.constructor).get(data.length).push(data);
    memory.taken.length = 0;
    memory.active = false;
  }
}

function storage(dtype, size) {
  const Kind = STORAGE[dtype];
  if (!memory.active) return new Kind(size);
  let sizes = memory.free.get(Kind);
  if (!sizes) memory.free.set(Kind, (sizes = new Map()));
  let known = sizes.get(size);
  if (!known) sizes.set(size, (known = []));
  const data = known.pop() ?? new Kind(size);
  memory.taken.push(data);
  return data;
}

/** An array with any numbers in it. */
const empty = (shape, dtype = "float64") => new NDArray(storage(dtype, sizeOf(shape)), shape, dtype);

function full(shape, value, dtype = "float64") {
  const out = empty(shape, dtype);
  out.data.fill(value);
  return out;
}

/** The array of these entries. */
function array(entries, shape, dtype = "float64") {
  return new NDArray(STORAGE[dtype].from(entries), shape, dtype);
}

function arange(n, dtype = "int64") {
  const out = empty([n], dtype);
  for (let i = 0; i < n; i += 1) out.data[i] = i;
  return out;
}

function eye(n, dtype = "float64") {
  const out = full([n, n], 0, dtype);
  for (let i = 0; i < n; i += 1) out.data[i * n + i] = 1;
  return out;
}

const isArray = (x) => x instanceof NDArray;

/** A number or nested arrays as an array. */
function asarray(x, dtype = "float64") {
  if (isArray(x)) return x.dtype === dtype ? x : astype(x, dtype);
  const shape = [];
  for (let part = x; Array.isArray(part) || ArrayBuffer.isView(part); part = part[0]) shape.push(part.length);
  const flat = Array.isArray(x) ? x.flat(Infinity) : shape.length ? x : [x];
  if (flat.length !== sizeOf(shape)) throw new TypeError("the rows of an array must have the same length");
  return array(flat, shape, dtype);
}

/** An argument of a program: nested arrays are taken as well, but no other shape than the recorded one. */
function argument(name, x, shape, dtype) {
  const given = asarray(x, dtype);
  if (sameShape(given.shape, shape)) return given;
  throw new TypeError(
    `${name} must have the shape ${shapeText(shape)} that was recorded, but was given ${shapeText(given.shape)}`,
  );
}

function astype(x, dtype) {
  const out = empty(isArray(x) ? x.shape : [], dtype);
  if (!isArray(x)) out.data[0] = x;
  else if (dtype === "bool") for (let i = 0; i < x.size; i += 1) out.data[i] = x.data[i] !== 0;
  else if (dtype === "int64") for (let i = 0; i < x.size; i += 1) out.data[i] = Math.trunc(x.data[i]);
  else out.data.set(x.data);
  return out;
}

/** The type that NumPy gives to a result of both. */
function promoted(a, b) {
  if (!isArray(a)) return weakly(b, a);
  if (!isArray(b)) return weakly(a, b);
  if (a.dtype === b.dtype) return a.dtype;
  const rank = Math.max(RANKS.indexOf(a.dtype), RANKS.indexOf(b.dtype));
  const low = Math.min(RANKS.indexOf(a.dtype), RANKS.indexOf(b.dtype));
  return RANKS[rank === 2 && low === 1 ? 3 : rank]; // an int64 does not fit into a float32
}

/** The type of an array and a number: a number with a fraction makes integers floats. */
function weakly(x, number) {
  if (x.dtype === "float64" || x.dtype === "float32") return x.dtype;
  return Number.isInteger(number) ? "int64" : "float64";
}

// --- entry by entry

const isFloat = (x) => isArray(x) && (x.dtype === "float64" || x.dtype === "float32");

/** The type of a function that gives floats for integers, too. */
function floating(a, b = a) {
  const dtype = isArray(a) || isArray(b) ? promoted(a, b) : "float64";
  return dtype === "float32" ? dtype : "float64";
}

/** The type of a function that gives integers for integers. */
const counted = (a) => (isFloat(a) ? a.dtype : "int64");

/** a % b with the sign of b, as Python has it. */
function modulo(a, b) {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/**
 * How two operands are broadcast: the result in rows of `length` entries, and for each operand its entries, how far
 * the next one is along a row (1, or 0 for a single number), and from row to row.
 */
function paired(a, b, dtype) {
  const shape = isArray(a) && isArray(b) ? broadcastShape(a.shape, b.shape) : (isArray(a) ? a : b).shape;
  const out = empty(shape, dtype);
  const size = out.data.length;
  const single = (x) => !isArray(x) || x.data.length === 1;
  const entries = (x) => (isArray(x) ? x.data : Float64Array.of(x));
  if (single(a) || single(b)) {
    const [alongX, alongY] = [single(a) ? 0 : 1, single(b) ? 0 : 1];
    return { out, X: entries(a), Y: entries(b), length: size || 1, alongX, alongY, rowX: 0, rowY: 0 };
  }
  const wide = (x) => (sameShape(x.shape, shape) ? x.data : taken(x, broadcastPlaces(x.shape, shape), shape).data);
  const isRow = (x) => sameShape(x.shape, shape.slice(shape.length - x.shape.length)) && x.data.length < size;
  const row = { out, alongX: 1, alongY: 1 };
  if (isRow(b)) return { ...row, X: wide(a), Y: b.data, length: b.data.length, rowX: b.data.length, rowY: 0 };
  if (isRow(a)) return { ...row, X: a.data, Y: wide(b), length: a.data.length, rowX: 0, rowY: a.data.length };
  return { ...row, X: wide(a), Y: wide(b), length: size || 1, rowX: 0, rowY: 0 };
}

function broadcastShape(...shapes) {
  const ndim = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: ndim }, (_, axis) => {
    let length = 1;
    for (const shape of shapes) {
      const n = shape[axis - ndim + shape.length] ?? 1;
      if (n !== 1 && length !== 1 && n !== length) {
        throw new TypeError(`shapes ${shapes.map(shapeText).join(" and ")} cannot be broadcast together`);
      }
      if (n !== 1) length = n;
    }
    return length;
  });
}

/** The step from one entry to the next along each axis. */
function stridesOf(shape) {
  const strides = new Array(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Where the entries of an array with these strides are, in C order of `shape`. */
function placesOf(shape, strides, offset = 0) {
  const places = new Int32Array(sizeOf(shape));
  const index = new Array(shape.length).fill(0);
  let place = offset;
  for (let i = 0; i < places.length; i += 1) {
    places[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] += 1;
      place += strides[axis];
      if (index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return places;
}

function broadcastPlaces(from, shape) {
  const strides = stridesOf(from);
  const lost = shape.length - from.length;
  return placesOf(shape, shape.map((_, axis) => (axis < lost || from[axis - lost] === 1 ? 0 : strides[axis - lost])));
}

/** The entries of `x` at `places`, in an array of this shape. */
function taken(x, places, shape) {
  const out = empty(shape, x.dtype);
  for (let i = 0; i < places.length; i += 1) out.data[i] = x.data[places[i]];
  return out;
}

/** An axis counted from the front. */
const axisOf = (axis, ndim) => (axis < 0 ? axis + ndim : axis);
