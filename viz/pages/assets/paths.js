// A gradient as a sum over the paths from the root to a node: along each, the local derivatives are multiplied.

/** How many paths there are, and the `most` with the largest products, each as {steps, factors, product}. */
function largestPaths(film, i, most = 8) {
  const { nodes, uses, given, steps } = film;
  const count = new Map([[film.root, 1n]]);
  const best = new Map([[film.root, 1]]); // the size of the largest product from the root to a node
  for (let k = film.root - 1; k >= i; k -= 1) {
    for (const edge of uses[k]) {
      const to = film.edges[edge][1];
      if (given[edge] < 0 || !count.has(to)) continue;
      count.set(k, (count.get(k) ?? 0n) + count.get(to));
      best.set(k, Math.max(best.get(k) ?? 0, best.get(to) * Math.abs(steps[given[edge]].local)));
    }
  }
  if (i === film.root || !count.has(i)) return { count: 0n, terms: [] };
  const found = [];
  let open = [{ node: i, bound: best.get(i), size: 1, rest: null, step: null }];
  for (let turn = 0; open.length && found.length < most && turn < 20_000; turn += 1) {
    let top = 0;
    open.forEach((way, at) => {
      if (way.bound > open[top].bound) top = at;
    });
    const way = open[top];
    open[top] = open.at(-1);
    open.pop();
    if (way.node === film.root) {
      found.push(way);
      continue;
    }
    for (const edge of uses[way.node]) {
      const to = film.edges[edge][1];
      if (given[edge] < 0 || !count.has(to)) continue;
      const size = way.size * Math.abs(steps[given[edge]].local);
      open.push({ node: to, bound: size * best.get(to), size, rest: way, step: given[edge] });
    }
    if (open.length > 4096) open = open.sort((a, b) => b.bound - a.bound).slice(0, 1024);
  }
  return { count: count.get(i), terms: found.map((way) => termOf(film, way, nodes)) };
}

function termOf(film, way, nodes) {
  const along = [];
  for (let at = way; at.step !== null; at = at.rest) along.push(at.step);
  const factors = along.map((s) => film.steps[s].local);
  const names = [nodes[film.root].name, ...along.map((s) => nodes[film.steps[s].input].name)];
  return { steps: along, factors, names, product: factors.reduce((x, y) => x * y, 1) };
}
