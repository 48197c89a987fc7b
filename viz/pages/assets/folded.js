// What a folded box shows: the values and gradients that leave it, and how far both passes are in it.

class FoldedBoxes {
  constructor(film, graph) {
    Object.assign(this, { film, graph });
  }

  /** Find the nodes of each visible box, and those that others use. */
  look() {
    const { film, graph } = this;
    this.boxes = new Map([...graph.foldedAt.keys()].map((key) => [key, { made: [], given: [], outputs: new Set(), count: 0 }]));
    film.nodes.forEach((node, i) => {
      const box = this.boxes.get(graph.anchor[i]);
      if (!box) return;
      box.count += 1;
      if (film.made[i] >= 0) box.made.push(film.made[i]);
      if (film.made[i] >= 0 && film.arrivals[i].length) box.given.push(film.arrivals[i].at(-1));
      if (node.root) box.outputs.add(i);
    });
    film.edges.forEach(([from, to]) => {
      const key = graph.anchor[from];
      if (key !== null && graph.anchor[to] !== key && film.made[from] >= 0) this.boxes.get(key).outputs.add(from);
    });
    for (const { made, given } of this.boxes.values()) for (const steps of [made, given]) steps.sort((a, b) => a - b);
  }

  /** Show the moment at which `known` steps are done. */
  fill(known) {
    for (const [key, box] of this.boxes) {
      const parts = this.graph.folded.get(key);
      const width = this.graph.foldedAt.get(key)[2];
      const value = this.several(box, (i) => this.film.value(i, known));
      const grad = this.several(box, (i) => this.film.gradient(i, known));
      parts.count.textContent = `${box.count} nodes`;
      parts.value.textContent = cut(value ?? "·", width - 16, 7.3);
      parts.grad.textContent = cut(grad ?? "", width - 16, 7.3);
      const [made, given] = [box.made, box.given].map((steps) => before(steps, known) / Math.max(1, steps.length));
      parts.made.setAttribute("width", ((width - 16) * made).toFixed(1));
      parts.given.setAttribute("width", ((width - 16) * given).toFixed(1));
      const said = [`${parts.name.textContent}, ${box.count} nodes`, value && `value ${value}`, grad && `gradient ${grad}`];
      parts.g.setAttribute("aria-label", [...said, `${Math.round(50 * (made + given))} % done`].filter(Boolean).join(", "));
    }
  }

  /** The numbers of what leaves a box, null where none is known. */
  several({ outputs }, of) {
    const known = [...outputs].slice(0, 4).map(of).filter((data) => data !== null);
    if (!known.length) return null;
    const text = known.slice(0, 3).map((data) => boxed(data, { shape: false })).join(", ");
    return outputs.size > 3 ? `${text}, …` : text;
  }
}

/** How many of the sorted `steps` come before `known`. */
function before(steps, known) {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < known) low = middle + 1;
    else high = middle;
  }
  return low;
}
