// A graph in layers from left to right: each box is right of those that it needs (Sugiyama, Tagawa, Toda 1981).

const LAYER_GAP = 44;
const ROW_GAP = 18;
const MOST_BENDS = 3000; // of all edges together: more are drawn as one curve each

/**
 * The places of boxes [width, height] that are joined by edges [from, to].
 * Gives their corners `at`, the boxes' total `width` and `height`, and for each edge the points at which it passes the
 * layers in between: [left, right, y].
 */
function layered(sizes, edges) {
  const ranks = rank(sizes.length, edges);
  const drawing = withBends(sizes, edges, ranks);
  const layers = untangle(drawing);
  align(drawing, layers);
  return measured(drawing, layers, sizes.length);
}

/** The layer of each box: right of all that it needs; a box that needs nothing is next to one that needs it. */
function rank(count, edges) {
  const [out, into] = [neighbours(count, edges, 0), neighbours(count, edges, 1)];
  const order = inOrder(count, into, out);
  const place = new Map(order.map((v, k) => [v, k]));
  const ranks = new Array(count).fill(0);
  for (const v of order) {
    for (const u of into[v]) if (place.get(u) < place.get(v)) ranks[v] = Math.max(ranks[v], ranks[u] + 1);
  }
  for (const v of [...order].reverse()) {
    const later = out[v].filter((w) => place.get(w) > place.get(v));
    if (!into[v].length && later.length) ranks[v] = Math.min(...later.map((w) => ranks[w])) - 1;
  }
  return ranks;
}

/** The other ends of the edges of each box: of those that leave it (side 0), or that enter it (side 1). */
function neighbours(count, edges, side) {
  const found = Array.from({ length: count }, () => []);
  for (const edge of edges) found[edge[side]].push(edge[1 - side]);
  return found;
}

/** Every box after those that it needs; in a cycle, which folding does not make, the first in the list comes first. */
function inOrder(count, into, out) {
  const open = into.map((from) => from.length);
  const order = [];
  const done = new Array(count).fill(false);
  const ready = [];
  for (let v = count - 1; v >= 0; v -= 1) if (!open[v]) ready.push(v);
  let next = 0;
  while (order.length < count) {
    if (!ready.length) {
      while (done[next]) next += 1;
      ready.push(next);
    }
    const v = ready.pop();
    if (done[v]) continue;
    done[v] = true;
    order.push(v);
    for (const w of out[v]) {
      open[w] -= 1;
      if (open[w] === 0 && !done[w]) ready.push(w);
    }
  }
  return order;
}

/** The boxes with a narrow one more in every layer that an edge passes. */
function withBends(sizes, edges, ranks) {
  const boxes = sizes.map(([width, height], v) => ({ width, height, rank: ranks[v], left: [], right: [], y: 0 }));
  const length = edges.reduce((sum, [a, b]) => sum + Math.max(0, ranks[b] - ranks[a] - 1), 0);
  const chains = edges.map(([a, b]) => {
    const chain = [a];
    for (let r = ranks[a] + 1; r < ranks[b] && length <= MOST_BENDS; r += 1) {
      chain.push(boxes.length);
      boxes.push({ width: 0, height: 4, rank: r, left: [], right: [], y: 0, isBend: true });
    }
    chain.push(b);
    for (let k = 1; k < chain.length; k += 1) {
      boxes[chain[k - 1]].right.push(chain[k]);
      boxes[chain[k]].left.push(chain[k - 1]);
    }
    return chain;
  });
  return { boxes, chains };
}

/** The boxes of each layer, in an order in which few edges cross: each near the mean of its neighbours. */
function untangle({ boxes }) {
  const layers = [];
  boxes.forEach((box, v) => (layers[box.rank] ??= []).push(v));
  for (let r = 0; r < layers.length; r += 1) layers[r] ??= [];
  const number = (layer) => layer.forEach((v, k) => { boxes[v].order = (k + 0.5) / layer.length; });
  layers.forEach(number);
  const sort = (layer, side) => {
    for (const v of layer) {
      const of = boxes[v][side];
      boxes[v].wish = of.length ? of.reduce((sum, w) => sum + boxes[w].order, 0) / of.length : boxes[v].order;
    }
    layer.sort((v, w) => boxes[v].wish - boxes[w].wish || boxes[v].order - boxes[w].order);
    number(layer);
  };
  let best = null;
  let fewest = Infinity;
  for (let turn = 0; turn < 8; turn += 1) {
    if (turn % 2 === 0) for (const layer of layers.slice(1)) sort(layer, "left");
    else for (const layer of layers.slice(0, -1).reverse()) sort(layer, "right");
    const crossings = layers.reduce((sum, layer) => sum + crossed(boxes, layer), 0);
    if (crossings >= fewest) continue;
    fewest = crossings;
    best = layers.map((layer) => [...layer]);
  }
  return best;
}

/** How many pairs of edges cross on the right of a layer. */
function crossed(boxes, layer) {
  const ends = layer.flatMap((v) => boxes[v].right.map((w) => boxes[w].order).sort((a, b) => a - b));
  if (ends.length > 400) return 0; // counting them would take longer than drawing them
  let count = 0;
  for (let i = 0; i < ends.length; i += 1) for (let j = i + 1; j < ends.length; j += 1) count += ends[i] > ends[j];
  return count;
}

/** The heights: each box as near to its neighbours as the boxes above and below it allow. */
function align({ boxes }, layers) {
  const middle = (v) => boxes[v].y + boxes[v].height / 2;
  for (const layer of layers) settle(boxes, layer, layer.map(() => 0));
  for (let turn = 0; turn < 8; turn += 1) {
    const side = turn % 2 === 0 ? "left" : "right";
    for (const layer of turn % 2 === 0 ? layers : [...layers].reverse()) {
      const wishes = layer.map((v) => {
        const of = boxes[v][side].length ? boxes[v][side] : boxes[v].left.concat(boxes[v].right);
        return of.length ? of.reduce((sum, w) => sum + middle(w), 0) / of.length : middle(v);
      });
      settle(boxes, layer, wishes);
    }
  }
}

/** Put the middles of a layer's boxes as near to the `wishes` as their order and the gaps allow: least squares. */
function settle(boxes, layer, wishes) {
  let offset = 0;
  const offsets = layer.map((v, k) => {
    const gap = k && (boxes[v].isBend && boxes[layer[k - 1]].isBend ? 6 : ROW_GAP);
    if (k) offset += boxes[layer[k - 1]].height + gap;
    return offset;
  });
  const blocks = []; // boxes that touch move as one: [sum of wishes, boxes]
  layer.forEach((v, k) => {
    blocks.push([wishes[k] - boxes[v].height / 2 - offsets[k], 1]);
    while (blocks.length > 1) {
      const [[low, n], [high, m]] = blocks.slice(-2);
      if (low / n <= high / m) break;
      blocks.splice(-2, 2, [low + high, n + m]);
    }
  });
  let k = 0;
  for (const [sum, n] of blocks) for (const stop = k + n; k < stop; k += 1) boxes[layer[k]].y = sum / n + offsets[k];
}

/** The corners of the boxes, from (0, 0) on, and the bends of the edges. */
function measured({ boxes, chains }, layers, count) {
  const top = boxes.reduce((least, box) => Math.min(least, box.y), Infinity);
  const widths = layers.map((layer) => layer.reduce((most, v) => Math.max(most, boxes[v].width), 0));
  const lefts = [];
  let x = 0;
  for (const width of widths) {
    lefts.push(x);
    x += width + (width && LAYER_GAP);
  }
  const at = boxes.slice(0, count).map(({ y, width, rank: r }) => [lefts[r] + (widths[r] - width) / 2, y - top]);
  const bends = chains.map((chain) => chain.slice(1, -1).map((v) => {
    const { rank: r, y, height } = boxes[v];
    return [lefts[r], lefts[r] + widths[r], y - top + height / 2];
  }));
  const height = boxes.reduce((most, box) => Math.max(most, box.y + box.height), -Infinity) - top;
  return { at, bends, width: Math.max(0, x - LAYER_GAP), height: count ? height : 0 };
}
