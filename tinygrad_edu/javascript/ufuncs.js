// NumPy's functions that work on each number by itself.

const numeric = (x, dtype) => (isArray(x) && x.dtype === "bool" ? astype(x, "int64") : dtype ? astype(x, dtype) : x);
const isFloat = (x) => isArray(x) && (x.dtype === "float64" || x.dtype === "float32");
/** The type of a function that gives floats for integers, too. */
const floating = (a, b) => {
  const dtype = isArray(a) || isArray(b) ? promoted(a, b) : "float64";
  return dtype === "float32" ? dtype : "float64";
};
/** The type of a function that gives integers for integers. */
const same = (a) => (isFloat(a) ? a.dtype : "int64");

function modulo(a, b) {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}


const ufuncs = {
  add: (a, b) => map2((x, y) => x + y, a, b),
  subtract: (a, b) => map2((x, y) => x - y, a, b),
  multiply: (a, b) => map2((x, y) => x * y, a, b),
  divide: (a, b) => map2((x, y) => x / y, a, b, floating(a, b)),
  floor_divide: (a, b) => map2((x, y) => Math.floor(x / y), a, b),
  remainder: (a, b) => map2(modulo, a, b),
  power: (a, b) => map2(power, a, b),
  maximum: (a, b) => map2(maximum, a, b),
  minimum: (a, b) => map2(minimum, a, b),
  hypot: (a, b) => map2((x, y) => Math.hypot(x, y), a, b, floating(a, b)),
  arctan2: (a, b) => map2((x, y) => Math.atan2(x, y), a, b, floating(a, b)),
  logaddexp: (a, b) => map2(logaddexp, a, b, floating(a, b)),
  copysign: (a, b) =>
    map2((x, y) => (y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x)), a, b, floating(a, b)),

  positive: (a) => map1((x) => x, a, same(a)),
  negative: (a) => map1((x) => -x, a, same(a)),
  absolute: (a) => map1((x) => Math.abs(x), a, same(a)),
  square: (a) => map1((x) => x * x, a, same(a)),
  sign: (a) => map1(sign, a, same(a)),
  reciprocal: (a) => map1((x) => 1 / x, a),
  sqrt: (a) => map1((x) => Math.sqrt(x), a),
  cbrt: (a) => map1((x) => Math.cbrt(x), a),
  exp: (a) => map1((x) => Math.exp(x), a),
  exp2: (a) => map1((x) => power(2, x), a),
  expm1: (a) => map1((x) => Math.expm1(x), a),
  log: (a) => map1((x) => Math.log(x), a),
  log1p: (a) => map1((x) => Math.log1p(x), a),
  log2: (a) => map1((x) => Math.log2(x), a),
  log10: (a) => map1((x) => Math.log10(x), a),
  sin: (a) => map1((x) => Math.sin(x), a),
  cos: (a) => map1((x) => Math.cos(x), a),
  tan: (a) => map1((x) => Math.tan(x), a),
  arcsin: (a) => map1((x) => Math.asin(x), a),
  arccos: (a) => map1((x) => Math.acos(x), a),
  arctan: (a) => map1((x) => Math.atan(x), a),
  sinh: (a) => map1((x) => Math.sinh(x), a),
  cosh: (a) => map1((x) => Math.cosh(x), a),
  tanh: (a) => map1((x) => Math.tanh(x), a),
  arcsinh: (a) => map1((x) => Math.asinh(x), a),
  arccosh: (a) => map1((x) => Math.acosh(x), a),
  arctanh: (a) => map1((x) => Math.atanh(x), a),
  erf: (a) => map1(erf, a),
  erfc: (a) => map1(erfc, a),
  floor: (a) => map1((x) => Math.floor(x), a),
  ceil: (a) => map1((x) => Math.ceil(x), a),

  equal: (a, b) => map2((x, y) => x === y, a, b, "bool"),
  not_equal: (a, b) => map2((x, y) => x !== y, a, b, "bool"),
  less: (a, b) => map2((x, y) => x < y, a, b, "bool"),
  less_equal: (a, b) => map2((x, y) => x <= y, a, b, "bool"),
  greater: (a, b) => map2((x, y) => x > y, a, b, "bool"),
  greater_equal: (a, b) => map2((x, y) => x >= y, a, b, "bool"),
  isfinite: (a) => map1((x) => Number.isFinite(x), a, "bool"),
  isnan: (a) => map1((x) => x !== x, a, "bool"),
  isinf: (a) => map1((x) => x === Infinity || x === -Infinity, a, "bool"),
  // Masks only: the emitter refuses integers.
  bitwise_and: (a, b) => map2((x, y) => x && y, a, b, "bool"),
  bitwise_or: (a, b) => map2((x, y) => x || y, a, b, "bool"),
  bitwise_xor: (a, b) => map2((x, y) => !x !== !y, a, b, "bool"),
  invert: (a) => map1((x) => !x, a, "bool"),
};
ufuncs.logical_and = ufuncs.bitwise_and;
ufuncs.logical_or = ufuncs.bitwise_or;
ufuncs.logical_not = ufuncs.invert;

/** `yes` where the condition holds, `no` elsewhere. */
function where(condition, yes, no) {
  if (!isArray(condition)) return where(array([condition], [], "bool"), yes, no);
  const parts = [condition, yes, no].map((x) => (isArray(x) ? x : null));
  const shape = broadcastShape(...parts.map((x) => x?.shape ?? []));
  const dtype = isArray(yes) || isArray(no) ? promoted(yes, no) : "float64";
  const out = empty(shape, dtype);
  const places = parts.map((x) => (x && x.size > 1 && !sameShape(x.shape, shape) ? broadcastPlaces(x.shape, shape) : null));
  const [reads, readsYes, readsNo] = [condition, yes, no].map((x, k) => {
    if (!isArray(x)) return () => x;
    if (x.size === 1) return () => x.data[0];
    return places[k] ? (i) => x.data[places[k][i]] : (i) => x.data[i];
  });
  for (let i = 0; i < out.data.length; i += 1) out.data[i] = reads(i) ? readsYes(i) : readsNo(i);
  return out;
}

function clip(x, low, high) {
  const above = low === null || low === undefined ? x : ufuncs.maximum(x, low);
  return high === null || high === undefined ? above : ufuncs.minimum(above, high);
}
