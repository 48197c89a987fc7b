// Functions that move numbers: shapes, order, joining.

function reshape(x, shape) {
  const known = (Array.isArray(shape) ? shape : [shape]).slice();
  const open = known.indexOf(-1);
  if (open >= 0) known[open] = x.size / sizeOf(known.filter((n) => n !== -1));
  if (sizeOf(known) !== x.size) throw new TypeError(`${x.size} numbers do not fit into the shape ${shapeText(known)}`);
  return new NDArray(x.data, known, x.dtype);
}

const ravel = (x) => reshape(x, [x.size]);

/** The axes in another order; without one, in the reverse order. */
function transpose(x, axes) {
  const order = axes ? axes.map((a) => axisOf(a, x.shape.length)) : x.shape.map((_, a) => a).reverse();
  if (order.every((a, i) => a === i)) return x;
  const shape = order.map((a) => x.shape[a]);
  if (x.shape.length === 2) {
    const out = empty(shape, x.dtype);
    const [n, m] = x.shape;
    for (let i = 0; i < n; i += 1) for (let j = 0; j < m; j += 1) out.data[j * n + i] = x.data[i * m + j];
    return out;
  }
  const strides = stridesOf(x.shape);
  return taken(x, placesOf(shape, order.map((a) => strides[a])), shape);
}

function swapaxes(x, first, second) {
  const order = x.shape.map((_, a) => a);
  const [a, b] = [axisOf(first, order.length), axisOf(second, order.length)];
  [order[a], order[b]] = [b, a];
  return transpose(x, order);
}

function moveaxis(x, source, target) {
  const ndim = x.shape.length;
  const from = [source].flat().map((a) => axisOf(a, ndim));
  const to = [target].flat().map((a) => axisOf(a, ndim));
  const order = x.shape.map((_, a) => a).filter((a) => !from.includes(a));
  [...to.keys()].sort((i, j) => to[i] - to[j]).forEach((k) => order.splice(to[k], 0, from[k]));
  return transpose(x, order);
}

function expand_dims(x, axis) {
  const added = [axis].flat();
  const ndim = x.shape.length + added.length;
  const places = added.map((a) => axisOf(a, ndim));
  const rest = x.shape.slice();
  return reshape(x, Array.from({ length: ndim }, (_, a) => (places.includes(a) ? 1 : rest.shift())));
}

function squeeze(x, axis = null) {
  const gone = axis === null ? x.shape.map((n, a) => (n === 1 ? a : -1)) : axesOf(axis, x.shape.length);
  return reshape(x, x.shape.filter((_, a) => !gone.includes(a)));
}

function broadcast_to(x, shape) {
  const given = isArray(x) ? x : asarray(x);
  return sameShape(given.shape, shape) ? given : taken(given, broadcastPlaces(given.shape, shape), shape);
}

function concatenate(parts, axis = 0) {
  const along = axisOf(axis, parts[0].shape.length);
  const shape = parts[0].shape.slice();
  shape[along] = parts.reduce((n, x) => n + x.shape[along], 0);
  const out = empty(shape, parts.reduce((a, b) => ({ dtype: promotedTypes(a.dtype, b.dtype) })).dtype);
  const outer = sizeOf(shape.slice(0, along));
  const inner = sizeOf(shape.slice(along + 1));
  for (let block = 0, to = 0; block < outer; block += 1) {
    for (const x of parts) {
      const length = x.shape[along] * inner;
      for (let i = 0; i < length; i += 1) out.data[to + i] = x.data[block * length + i];
      to += length;
    }
  }
  return out;
}

const promotedTypes = (a, b) => promoted(new NDArray([], [0], a), new NDArray([], [0], b));

const stack = (parts, axis = 0) => concatenate(parts.map((x) => expand_dims(x, axis)), axis);

function flip(x, axis = null) {
  const axes = axesOf(axis, x.shape.length);
  const strides = stridesOf(x.shape);
  const offset = axes.reduce((sum, a) => sum + strides[a] * (x.shape[a] - 1), 0);
  return taken(x, placesOf(x.shape, strides.map((s, a) => (axes.includes(a) ? -s : s)), offset), x.shape);
}

function roll(x, shift, axis = null) {
  if (axis === null) return reshape(roll(ravel(x), shift, 0), x.shape);
  const shifts = [shift].flat();
  return [axis].flat().reduce((y, a, i) => {
    const along = axisOf(a, y.shape.length);
    const n = y.shape[along];
    return takeAlong(y, Array.from({ length: n }, (_, k) => modulo(k - (shifts[i] ?? shifts[0]), n)), along);
  }, x);
}

/** The slices at these indices of one axis. */
function takeAlong(x, indices, axis) {
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const out = empty(x.shape.map((n, a) => (a === axis ? indices.length : n)), x.dtype);
  for (let block = 0, to = 0; block < outer; block += 1) {
    for (const k of indices) {
      const from = (block * x.shape[axis] + k) * inner;
      for (let i = 0; i < inner; i += 1) out.data[to + i] = x.data[from + i];
      to += inner;
    }
  }
  return out;
}

function repeat(x, repeats, axis = null) {
  if (axis === null || x.shape.length === 0) return repeat(ravel(x), repeats, 0);
  const along = axisOf(axis, x.shape.length);
  const times = (k) => (isArray(repeats) ? repeats.data[repeats.size === 1 ? 0 : k] : Array.isArray(repeats) ? repeats[k] : repeats);
  const indices = Array.from({ length: x.shape[along] }, (_, k) => new Array(times(k)).fill(k)).flat();
  return takeAlong(x, indices, along);
}

function tile(x, reps) {
  const ndim = Math.max(reps.length, x.shape.length);
  const filled = (list) => [...new Array(ndim - list.length).fill(1), ...list];
  const times = filled(reps);
  let out = reshape(x, filled(x.shape));
  for (let a = 0; a < ndim; a += 1) {
    const n = out.shape[a];
    if (times[a] !== 1) out = takeAlong(out, Array.from({ length: times[a] * n }, (_, k) => k % n), a);
  }
  return out;
}

function pad(x, widths) {
  const shape = x.shape.map((n, a) => widths[a][0] + n + widths[a][1]);
  const strides = stridesOf(shape);
  const offset = widths.reduce((sum, [before], a) => sum + before * strides[a], 0);
  const out = full(shape, 0, x.dtype);
  placesOf(x.shape, strides, offset).forEach((place, i) => {
    out.data[place] = x.data[i];
  });
  return out;
}

/** Zeros instead of the entries of each matrix for which `kept` does not hold. */
function triangle(kept, x) {
  const [n, m] = x.shape.slice(-2);
  const out = x.copy();
  for (let i = 0; i < out.size; i += 1) if (!kept((i % m) - (Math.floor(i / m) % n))) out.data[i] = 0;
  return out;
}

const tril = (x, k = 0) => triangle((d) => d <= k, x);
const triu = (x, k = 0) => triangle((d) => d >= k, x);

function diagonal(x, offset = 0, axis1 = 0, axis2 = 1) {
  const moved = moveaxis(x, [axis1, axis2], [-2, -1]);
  const [n, m] = moved.shape.slice(-2);
  const [down, right] = [Math.max(-offset, 0), Math.max(offset, 0)];
  const length = Math.max(0, Math.min(n - down, m - right));
  const rest = moved.shape.slice(0, -2);
  const strides = [...stridesOf(moved.shape).slice(0, -2), m + 1];
  return taken(moved, placesOf([...rest, length], strides, down * m + right), [...rest, length]);
}

/** A gradient brought to the shape and type of its input: summed over the axes along which that was broadcast. */
function unbroadcast(gx, shape, dtype) {
  let fitted = isArray(gx) ? gx : full([], gx, dtype);
  if (!sameShape(fitted.shape, shape)) {
    const wide = broadcastShape(fitted.shape, shape);
    const lead = wide.length - shape.length;
    const axes = [...wide.keys()].filter((a) => a < lead || (shape[a - lead] === 1 && wide[a] !== 1));
    fitted = broadcast_to(fitted, wide);
    fitted = reshape(axes.length ? sum(fitted, { axis: axes }) : fitted, shape);
  }
  return fitted.dtype === dtype ? fitted : astype(fitted, dtype);
}
