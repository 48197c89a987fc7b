// Which entries of its inputs make an entry of an operation on arrays. No rule says it: the derivatives do.

/** Positive numbers without a pattern, so that no derivative is 0 by chance. */
function scattered({ shape, dtype }, seed) {
  const out = np.full(shape, 0, dtype);
  for (let i = 0; i < out.size; i += 1) out.data[i] = 0.5 + (((i + 1) * (seed + 1) * 0.6180339887498949) % 1);
  return out;
}

/** The array with 1 in one place and 0 elsewhere. */
function unit({ shape, dtype }, flat) {
  const out = np.full(shape, 0, dtype);
  out.data[flat] = 1;
  return out;
}

/** The places in each input of `node` that make entry `flat` of its value; null where they are not known. */
function sourcesOf(film, node, flat) {
  const { numbers } = film;
  if (!film.isLive || film.isScalar || node.role !== "operation" || node.fixed) return null;
  const { axes, keepdims, window } = node.settings ?? {};
  const shapes = node.inputs.map((i) => film.nodes[i].shape);
  if (axes) return [reducedSources(shapes[0], { axes, keepdims }, indexOf(flat, node.shape))];
  if (window) return [windowSources(shapes[0], window, flat)];
  const { row } = numbers.tape.nodes[node.id];
  const xs = node.inputs.map((i, n) => (row.gx[n] ? scattered(numbers.value(i), n) : numbers.value(i)));
  const y = row.y(...xs);
  return node.inputs.map((i, n) => {
    if (!row.gx[n]) return null;
    const gx = np.unbroadcast(row.gx[n](unit(y, flat), y, ...xs), shapes[n], numbers.value(i).dtype);
    return [...gx.data.keys()].filter((at) => gx.data[at] !== 0);
  });
}

/** Of an extreme along axes, the entries that were compared: only the winner has a derivative. */
function reducedSources(shape, { axes, keepdims }, at) {
  const kept = shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const place = (d) => at[keepdims ? d : kept.indexOf(d)];
  const size = shape.reduce((x, y) => x * y, 1);
  return [...Array(size).keys()].filter((flat) => {
    const index = indexOf(flat, shape);
    return kept.every((d) => index[d] === place(d));
  });
}

/** Of the largest entry of a window, the window. The margin is marked by 0, the entries by their place and 1. */
function windowSources(shape, window, flat) {
  const size = shape.reduce((x, y) => x * y, 1);
  const places = np.reshape(np.add(np.arange(size, "float64"), 1), shape);
  const windows = np.take_windows(places, window);
  const count = windows.size / windows.shape[0];
  return [...Array(windows.shape[0]).keys()].map((k) => windows.data[k * count + flat] - 1).filter((at) => at >= 0);
}
