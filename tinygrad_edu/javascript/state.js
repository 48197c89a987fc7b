// What a program reads from its state and stores in it: an object of arrays, numbers and random generators.

/** What a function returns: a number for an array without axes, otherwise the array in its own memory. */
function result(x) {
  if (!isArray(x)) return x;
  return x.shape.length ? x.copy() : x.data[0];
}

/** Store the values in the state, in the arrays that are there. All are read before any is written. */
function store(state, values) {
  const old = new Set(Object.values(state).filter(isArray).map((x) => x.data));
  const given = Object.entries(values).map(([name, x]) => [name, isArray(x) && old.has(x.data) ? x.copy() : x]);
  for (const [name, x] of given) {
    const there = state[name];
    if (!isArray(x)) state[name] = x;
    else if (isArray(there) && there.dtype === x.dtype && sameShape(there.shape, x.shape)) there.data.set(x.data);
    else state[name] = x.copy();
  }
}

/** The state in its own memory. */
function copyState(state) {
  return Object.fromEntries(Object.entries(state).map(([name, x]) => [name, x?.copy ? x.copy() : x]));
}

/** An array from the bytes of its entries, as base64 has them. */
function decoded(text, shape, dtype) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const Kind = { float64: Float64Array, float32: Float32Array, bool: Uint8Array }[dtype];
  if (Kind) return new NDArray(new Kind(bytes.buffer), shape, dtype);
  return array(Array.from(new BigInt64Array(bytes.buffer), Number), shape, dtype);
}
