// Entries by their index, as NumPy has it. An index is a list with a part for each axis: a number, {slice}, null for a
// new axis, "..." for all the axes that are left, or an array of integers or booleans.

/** {slice: [start, stop, step]} as first index, step and length on an axis of `n`. */
function resolvedSlice([start, stop, step], n) {
  const by = step ?? 1;
  const clamp = (i, low, high) => Math.min(Math.max(i < 0 ? i + n : i, low), high);
  const from = start === null ? (by > 0 ? 0 : n - 1) : clamp(start, by > 0 ? 0 : -1, by > 0 ? n : n - 1);
  const to = stop === null ? (by > 0 ? n : -1) : clamp(stop, by > 0 ? 0 : -1, by > 0 ? n : n - 1);
  return [from, by, Math.max(0, Math.ceil((to - from) / by))];
}

/** A boolean array as the integer arrays of the places at which it is true. */
function nonzero(mask) {
  const strides = stridesOf(mask.shape);
  const found = [...mask.data.keys()].filter((i) => mask.data[i]);
  return mask.shape.map((n, a) => array(found.map((i) => Math.floor(i / strides[a]) % n), [found.length], "int64"));
}

function checkedIndex(i, n) {
  const at = i < 0 ? i + n : i;
  if (!(at >= 0 && at < n)) throw new RangeError(`index ${i} is out of range for an axis of length ${n}`);
  return at;
}

/** The parts of an index, with arrays for masks and full slices for what is left out. */
function expandedIndex(index, ndim) {
  const parts = index.flatMap((p) => (isArray(p) && p.dtype === "bool" ? nonzero(p) : [p]));
  const used = parts.filter((p) => p !== null && p !== "...").length;
  const rest = () => Array.from({ length: ndim - used }, () => ({ slice: [null, null, null] }));
  return parts.includes("...") ? parts.flatMap((p) => (p === "..." ? rest() : [p])) : [...parts, ...rest()];
}

/** The places in an array of this shape that the index names, and the shape of what it gives. */
function indexed(shape, index) {
  const parts = expandedIndex(index, shape.length);
  const strides = stridesOf(shape);
  const arrays = parts.some(isArray);
  const [outShape, outStrides, advanced] = [[], [], []];
  let [offset, axis, firstAdvanced, apart, lastAdvanced] = [0, 0, -1, false, -1];
  parts.forEach((part, position) => {
    if (part === null) {
      outShape.push(1);
      outStrides.push(0);
    } else if (part.slice) {
      const [from, by, length] = resolvedSlice(part.slice, shape[axis]);
      offset += from * strides[axis];
      outShape.push(length);
      outStrides.push(by * strides[axis]);
      axis += 1;
    } else if (!arrays) {
      offset += checkedIndex(part, shape[axis]) * strides[axis];
      axis += 1;
    } else {
      if (firstAdvanced < 0) firstAdvanced = outShape.length;
      else if (position !== lastAdvanced + 1) apart = true;
      lastAdvanced = position;
      advanced.push([isArray(part) ? part : array([part], [], "int64"), axis]);
      axis += 1;
    }
  });
  if (!arrays) return { places: placesOf(outShape, outStrides, offset), shape: outShape };
  return advancedPlaces(shape, strides, advanced, { outShape, outStrides, offset, at: apart ? 0 : firstAdvanced });
}

/** Arrays of integers are broadcast together; their axes are where the first of them was, or in front. */
function advancedPlaces(shape, strides, advanced, { outShape, outStrides, offset, at }) {
  const common = broadcastShape(...advanced.map(([x]) => x.shape));
  const shifts = new Int32Array(sizeOf(common));
  for (const [x, axis] of advanced) {
    const places = broadcastPlaces(x.shape, common);
    for (let i = 0; i < shifts.length; i += 1) shifts[i] += checkedIndex(x.data[places[i]], shape[axis]) * strides[axis];
  }
  const before = placesOf(outShape.slice(0, at), outStrides.slice(0, at), offset);
  const after = placesOf(outShape.slice(at), outStrides.slice(at), 0);
  const places = new Int32Array(before.length * shifts.length * after.length);
  let i = 0;
  for (const b of before) for (const s of shifts) for (const a of after) places[i++] = b + s + a;
  return { places, shape: [...outShape.slice(0, at), ...common, ...outShape.slice(at)] };
}

/** x[index] */
function getitem(x, index) {
  const { places, shape } = indexed(x.shape, index);
  return taken(x, places, shape);
}

/** Zeros of this shape, with x put at the index, or added as often as the index names an entry. */
function scatter_add(x, index, shape) {
  const out = full(shape, 0, x.dtype);
  const found = indexed(shape, index);
  const from = sameShape(x.shape, found.shape) ? x : broadcast_to(x, found.shape);
  found.places.forEach((place, i) => {
    out.data[place] += from.data[i];
  });
  return out;
}

/** A row for each label: 1 in its column, 0 elsewhere. */
function one_hot(labels, classes, dtype) {
  const out = full([...labels.shape, classes], 0, dtype);
  labels.data.forEach((label, i) => {
    out.data[i * classes + checkedIndex(label, classes)] = 1;
  });
  return out;
}

function take_along_axis(x, indices, axis) {
  const along = axisOf(axis, x.shape.length);
  const grids = x.shape.map((n, a) => {
    if (a === along) return indices;
    return reshape(arange(n), x.shape.map((_, b) => (a === b ? n : 1)));
  });
  return getitem(x, grids);
}

/** The order that sorts each line along an axis; equal numbers keep their order, and NaN comes last. */
function argsort(x, { axis = -1 } = {}) {
  const along = axisOf(axis, x.shape.length);
  const order = x.shape.map((_, a) => a).filter((a) => a !== along);
  const moved = transpose(x, [...order, along]);
  const n = x.shape[along];
  const out = empty(moved.shape, "int64");
  const compare = (a, b) => (a !== a) - (b !== b) || a - b || 0;
  for (let start = 0; start < out.size; start += n) {
    const line = Array.from({ length: n }, (_, i) => i);
    line.sort((i, j) => compare(moved.data[start + i], moved.data[start + j]) || i - j);
    out.data.set(line, start);
  }
  return moveaxis(out, -1, along);
}
