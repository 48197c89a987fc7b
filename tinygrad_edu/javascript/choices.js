// Choices between entries.

/** `yes` where the condition holds, `no` elsewhere. */
function where(condition, yes, no) {
  const parts = [isArray(condition) ? condition : array([condition], [], "bool"), yes, no];
  const shape = broadcastShape(...parts.map((x) => (isArray(x) ? x.shape : [])));
  const out = empty(shape, isArray(yes) || isArray(no) ? promoted(yes, no) : "float64");
  const [[C, stepC], [Y, stepY], [N, stepN]] = parts.map((x) => {
    if (!isArray(x)) return [Float64Array.of(x), 0];
    if (x.data.length === 1) return [x.data, 0];
    return [sameShape(x.shape, shape) ? x.data : taken(x, broadcastPlaces(x.shape, shape), shape).data, 1];
  });
  const Z = out.data;
  for (let i = 0, c = 0, k = 0, l = 0; i < Z.length; i += 1, c += stepC, k += stepY, l += stepN) {
    Z[i] = C[c] ? Y[k] : N[l];
  }
  return out;
}

function clip(x, low, high) {
  const above = low === null || low === undefined ? x : ufuncs.maximum(x, low);
  return high === null || high === undefined ? above : ufuncs.minimum(above, high);
}
