// Arrays of numbers as NumPy has them, in JavaScript: what a compiled program works on.
//
// An array is an NDArray {data, shape, dtype}: its entries in C order in a typed array. Every function gives a fresh
// array. Where NumPy takes a number of Python's own, a number of JavaScript's is taken, which adapts to the array's type.

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

  /** The array in memory of its own. */
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

/** The type that NumPy gives to a result of both; `numeric` where a boolean counts as a number. */
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

/** `f` of each entry. It is small, so that V8 makes one loop of it and of `f`. */
function map1(f, a, dtype) {
  if (!isArray(a)) return f(a);
  const out = empty(a.shape, dtype ?? (a.dtype === "float32" ? "float32" : "float64"));
  const x = a.data;
  const y = out.data;
  for (let i = 0; i < y.length; i += 1) y[i] = f(x[i]);
  return out;
}

/** `f` of each pair of entries, broadcast as NumPy does. */
function map2(f, a, b, dtype) {
  if (!isArray(a) || !isArray(b) || a.data.length !== b.data.length || !sameShape(a.shape, b.shape)) {
    return mapUnequal(f, a, b, dtype);
  }
  const out = empty(a.shape, dtype ?? promoted(a, b));
  const x = a.data;
  const y = b.data;
  const z = out.data;
  for (let i = 0; i < z.length; i += 1) z[i] = f(x[i], y[i]);
  return out;
}

function mapUnequal(f, a, b, dtype) {
  if (!isArray(a) && !isArray(b)) return f(a, b);
  const kind = dtype ?? promoted(a, b);
  if (!isArray(b)) return mapRight(f, a, b, kind, a.shape);
  if (!isArray(a)) return mapLeft(f, a, b, kind, b.shape);
  const shape = broadcastShape(a.shape, b.shape);
  if (b.size === 1 && sameShape(shape, a.shape)) return mapRight(f, a, b.data[0], kind, shape);
  if (a.size === 1 && sameShape(shape, b.shape)) return mapLeft(f, a.data[0], b, kind, shape);
  if (sameShape(shape, a.shape) && sameShape(b.shape, shape.slice(shape.length - b.shape.length))) {
    return mapRows(f, a, b, kind, shape);
  }
  return mapStrided(f, a, b, kind, shape);
}

function mapRight(f, a, number, dtype, shape) {
  const out = empty(shape, dtype);
  const x = a.data;
  const z = out.data;
  for (let i = 0; i < z.length; i += 1) z[i] = f(x[i], number);
  return out;
}

function mapLeft(f, number, b, dtype, shape) {
  const out = empty(shape, dtype);
  const y = b.data;
  const z = out.data;
  for (let i = 0; i < z.length; i += 1) z[i] = f(number, y[i]);
  return out;
}

/** `b` meets each row of `a`. */
function mapRows(f, a, b, dtype, shape) {
  const out = empty(shape, dtype);
  const x = a.data;
  const y = b.data;
  const z = out.data;
  const n = y.length;
  for (let start = 0; start < z.length; start += n) for (let i = 0; i < n; i += 1) z[start + i] = f(x[start + i], y[i]);
  return out;
}

function mapStrided(f, a, b, dtype, shape) {
  const out = empty(shape, dtype);
  const places = [broadcastPlaces(a.shape, shape), broadcastPlaces(b.shape, shape)];
  for (let i = 0; i < out.data.length; i += 1) out.data[i] = f(a.data[places[0][i]], b.data[places[1][i]]);
  return out;
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

/** Where the entries of an array with these strides lie, in C order of `shape`. */
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
