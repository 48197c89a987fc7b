// One entry of a gradient in single numbers: a sum over the entries that it flows into, each with its own gradient and
// the local derivative between the two.

const LARGEST_SUM = 1500; // entries that a term is computed for
const LISTED = 8; // terms, the largest first

/** The terms that entry `flat` of node `k`'s gradient is the sum of; null where there are too many to be written out. */
function chainRule(film, k, flat) {
  const { numbers } = film;
  const found = [];
  for (const edge of film.uses[k]) {
    const [, to, position] = film.edges[edge];
    if (film.given[edge] < 0) continue;
    const into = entriesInto(numbers, to, position, flat);
    if (into === null) return null;
    for (const at of into) found.push(termInto(film, { to, position, at, from: k, flat, step: film.given[edge] }));
  }
  const terms = found.filter(({ local }) => local !== 0);
  terms.sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const listed = terms.slice(0, LISTED);
  const gradient = numbers.gradient(k)?.data[flat] ?? 0;
  const remainder = terms.length > LISTED ? gradient - listed.reduce((sum, { product }) => sum + product, 0) : 0;
  return { gradient, count: terms.length, terms: listed, remainder };
}

/**
 * The places in node `to` that depend on entry `flat` of its input: along each axis the ones from which a gradient
 * flows to it, and of these all combinations. Null if there are too many.
 */
function entriesInto(numbers, to, position, flat) {
  const y = numbers.value(to);
  if (y.shape.reduce((sum, n) => sum + n, 0) > LARGEST_SUM) return null;
  const weights = scattered(y, position);
  const strides = y.shape.map((_, d) => y.shape.slice(d + 1).reduce((x, n) => x * n, 1));
  const reached = y.shape.map((n, d) =>
    [...Array(n).keys()].filter((index) => {
      const slice = np.full(y.shape, 0, y.dtype);
      for (let i = 0; i < y.size; i += 1) if (Math.floor(i / strides[d]) % n === index) slice.data[i] = weights.data[i];
      return numbers.tape.flow(to, position, slice).data[flat] !== 0;
    }),
  );
  if (reached.reduce((product, indices) => product * indices.length, 1) > LARGEST_SUM) return null;
  return reached.reduce((places, indices, d) => places.flatMap((at) => indices.map((i) => at + i * strides[d])), [0]);
}

/** What flows from entry `at` of node `to`. */
function termInto(film, { to, position, at, from, flat, step }) {
  const { numbers } = film;
  const y = numbers.value(to);
  const incoming = numbers.gradient(to).data[at];
  const local = numbers.tape.flow(to, position, unit(y, at)).data[flat];
  const factor = factorName(film, film.nodes[to], { at, position, flat, local });
  const written = factor ?? `∂${entryName(film.nodes[to], at)}/∂${entryName(film.nodes[from], flat)}`;
  return { step, node: to, at, incoming, local, product: incoming * local, factor: written };
}

/** The entry of another input that a local derivative is, as in a product; null if it is none. */
function factorName(film, node, { at, position, flat, local }) {
  if (!["mul", "matmul", "linear", "conv", "einsum"].includes(node.op) || node.inputs.length < 2) return null;
  const sources = sourcesOf(film, node, at);
  const place = sources?.[position]?.indexOf(flat) ?? -1;
  const other = position === 0 ? 1 : 0;
  const twin = sources?.[other]?.[sources[other].length === 1 ? 0 : place];
  if (place < 0 || twin === undefined) return null;
  const input = node.inputs[other];
  return Object.is(film.numbers.entry(input, twin), local) ? entryName(film.nodes[input], twin) : null;
}
