// Products of matrices.

/** The product of two matrices in C order, written into `z`: four columns at a time, so that sums stay in registers. */
function multiplyMatrices(x, y, z, n, k, m, startX = 0, startY = 0, startZ = 0) {
  const blocks = m - (m % 4);
  for (let i = 0; i < n; i += 1) {
    const row = startX + i * k;
    const to = startZ + i * m;
    for (let j = 0; j < blocks; j += 4) {
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let l = 0, at = startY + j; l < k; l += 1, at += m) {
        const factor = x[row + l];
        a += factor * y[at];
        b += factor * y[at + 1];
        c += factor * y[at + 2];
        d += factor * y[at + 3];
      }
      z[to + j] = a;
      z[to + j + 1] = b;
      z[to + j + 2] = c;
      z[to + j + 3] = d;
    }
    for (let j = blocks; j < m; j += 1) {
      let total = 0;
      for (let l = 0, at = startY + j; l < k; l += 1, at += m) total += x[row + l] * y[at];
      z[to + j] = total;
    }
  }
}

/** a @ b, of vectors, matrices and stacks of matrices. */
function matmul(a, b) {
  if (a.shape.length === 1) {
    const y = matmul(reshape(a, [1, a.size]), b);
    return reshape(y, b.shape.length === 1 ? [] : y.shape.filter((_, axis) => axis !== y.shape.length - 2));
  }
  if (b.shape.length === 1) {
    const y = matmul(a, reshape(b, [b.size, 1]));
    return reshape(y, y.shape.slice(0, -1));
  }
  const [n, k] = a.shape.slice(-2);
  const [l, m] = b.shape.slice(-2);
  if (k !== l) throw new TypeError(`matrices ${shapeText(a.shape)} and ${shapeText(b.shape)} cannot be multiplied`);
  const stackShape = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const out = empty([...stackShape, n, m], promoted(a, b));
  const matrices = (shape) => broadcastPlaces(shape.slice(0, -2), stackShape);
  const [left, right] = [matrices(a.shape), matrices(b.shape)];
  for (let i = 0; i < left.length; i += 1) {
    multiplyMatrices(a.data, b.data, out.data, n, k, m, left[i] * n * k, right[i] * k * m, i * n * m);
  }
  return out;
}

/** np.dot of vectors and matrices. */
function dot(a, b) {
  if (!isArray(a) || !isArray(b) || !a.shape.length || !b.shape.length) return ufuncs.multiply(a, b);
  return matmul(a, b);
}

/** Sums of products over letters: "ij,jk->ik". */
function einsum(subscripts, ...operands) {
  const parts = operands.map((x) => (isArray(x) ? x : asarray(x)));
  const [left, right] = subscripts.split("->");
  const terms = left.split(",");
  const lengths = new Map();
  terms.forEach((term, i) => [...term].forEach((c, a) => lengths.set(c, Math.max(lengths.get(c) ?? 1, parts[i].shape[a]))));
  const summed = [...lengths.keys()].filter((c) => !right.includes(c));
  const letters = [...right, ...summed];
  const shape = letters.map((c) => lengths.get(c));
  const places = terms.map((term, i) => {
    const strides = stridesOf(parts[i].shape);
    const steps = letters.map((c) =>
      [...term].reduce((step, d, a) => (c === d && parts[i].shape[a] > 1 ? step + strides[a] : step), 0),
    );
    return placesOf(shape, steps);
  });
  const out = full([...right].map((c) => lengths.get(c)), 0, parts.map((x) => x.dtype).reduce(promotedTypes));
  const count = sizeOf(summed.map((c) => lengths.get(c)));
  for (let i = 0; i < out.size * count; i += 1) {
    let product = 1;
    for (let k = 0; k < parts.length; k += 1) product *= parts[k].data[places[k][i]];
    out.data[Math.floor(i / count)] += product;
  }
  return out;
}
