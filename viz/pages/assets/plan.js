// Where the boxes are in a state of folding: every frame is laid out by itself, from the innermost on.

const FOLDED_HEIGHT = 90;
// The buttons of a loop's frame: for a finger as large as on the rest of the page.
const TURN = matchMedia("(pointer: coarse)").matches ? { height: 44, width: 48 } : { height: 22, width: 24 };
const FRAME = { side: 14, top: TURN.height + 12, bottom: 14 };

class Plan {
  /** `place` is where everything is if nothing is folded; null if that must be found, too. */
  constructor(folding, nodes, edges, place) {
    Object.assign(this, { folding, nodes, edges });
    this.anchor = nodes.map((_, i) => folding.hiderOf(i)); // the box that hides a node
    this.frames = nodes.map((_, i) => (this.anchor[i] === null ? folding.frameOf(i) : -1));
    this.at = {};
    this.foldedAt = new Map();
    this.frameAt = new Map();
    this.lines = new Map();
    this.join();
    if (place && folding.isAllOpen) this.take(place);
    else this.layOut();
    this.extent = this.measure();
  }

  /** Edges between the same two boxes are drawn as one; there is none into a box from a leaf that is also outside. */
  join() {
    const { folding } = this;
    const drawn = new Map();
    this.ends = new Map();
    this.bundles = new Set(); // edges that are drawn for several
    this.drawnAs = this.edges.map(([from, to], k) => {
      const [tail, head] = [folding.hider(folding.uses[k]), folding.hider(folding.home[to])];
      if (tail !== null && (tail === head || this.anchor[from] === null)) return -1;
      const [a, b] = [tail ?? `node-${from}`, head ?? `node-${to}`];
      const key = `${a} ${b}`;
      const bundled = tail !== null || head !== null;
      if (bundled && drawn.has(key)) {
        this.bundles.add(drawn.get(key));
        return drawn.get(key);
      }
      drawn.set(key, k);
      this.ends.set(k, [a, b]);
      return k;
    });
  }

  /** What was planned for the graph with nothing folded. */
  take(place) {
    this.nodes.forEach((_, i) => { this.at[i] = place.nodes[i]; });
    for (const [g, at] of Object.entries(place.clusters)) this.frameAt.set(Number(g), at);
    for (const [k, [a, b]] of this.ends) {
      const points = place.edges[k] ?? curve(this.box(a), this.box(b));
      this.lines.set(k, { points, spot: place.labels?.[k] ?? middleOf(points) });
    }
  }

  /** The frame that something is in, by keys; "" is the whole graph. */
  around(key) {
    const [kind, n] = [key.split("-")[0], Number(key.split("-")[1])];
    const { groups, frame } = this.folding;
    if (kind === "node") return this.frames[n] < 0 ? "" : `frame-${this.frames[n]}`;
    if (kind === "before" || kind === "after") return `frame-${n}`;
    return groups[n].parent < 0 ? "" : `frame-${frame[groups[n].parent]}`;
  }

  layOut() {
    this.inside = new Map([["", []]]);
    this.depth = new Map([["", 0]]);
    this.nodes.forEach((_, i) => this.enter(this.anchor[i] ?? `node-${i}`));
    const wires = this.lift();
    this.sizes = new Map();
    this.corners = new Map();
    this.bends = new Map();
    const frames = [...this.inside.keys()].sort((a, b) => this.depth.get(b) - this.depth.get(a));
    for (const frame of frames) this.layOutFrame(frame, wires.get(frame) ?? []);
    this.assemble(frames.reverse());
    this.draw();
  }

  /** List what there is in each frame, in the order of the graph. */
  enter(key) {
    if (this.depth.has(key)) return;
    const frame = this.around(key);
    if (!this.inside.has(frame)) {
      this.inside.set(frame, []);
      this.enter(frame);
    }
    this.depth.set(key, this.depth.get(frame) + 1);
    this.inside.get(frame).push(key);
  }

  /** The edges by the frame that holds both ends, between the boxes of the ends there. */
  lift() {
    const wires = new Map();
    for (const [k, ends] of this.ends) {
      let [a, b] = ends;
      while (this.around(a) !== this.around(b)) {
        if (this.depth.get(a) >= this.depth.get(b)) a = this.around(a);
        else b = this.around(b);
      }
      if (a === b) continue;
      const frame = this.around(a);
      if (!wires.has(frame)) wires.set(frame, []);
      wires.get(frame).push([k, a, b]);
    }
    return wires;
  }

  size(key) {
    const n = Number(key.split("-")[1]);
    if (key.startsWith("node")) return this.nodes[n].size;
    if (key.startsWith("frame")) return this.sizes.get(key);
    return [Math.min(280, Math.max(150, 8 * this.folding.named(key).length + 28)), FOLDED_HEIGHT];
  }

  layOutFrame(frame, wires) {
    const keys = this.inside.get(frame);
    const number = new Map(keys.map((key, n) => [key, n]));
    const pairs = new Map();
    for (const [, a, b] of wires) pairs.set(`${a} ${b}`, [number.get(a), number.get(b)]);
    const found = layered(keys.map((key) => this.size(key)), [...pairs.values()]);
    const order = new Map([...pairs.keys()].map((pair, n) => [pair, n]));
    for (const [k, a, b] of wires) this.bends.set(k, [frame, found.bends[order.get(`${a} ${b}`)]]);
    keys.forEach((key, n) => this.corners.set(key, found.at[n]));
    if (!frame) return;
    const g = Number(frame.split("-")[1]);
    const title = this.folding.room(g) + (this.folding.groups[g].turns ? 3 * TURN.width + 40 : 24);
    this.sizes.set(frame, [Math.max(found.width + 2 * FRAME.side, title), found.height + FRAME.top + FRAME.bottom]);
  }

  /** From places within a frame to places in the whole, the outermost frame first. */
  assemble(frames) {
    this.origins = new Map([["", [0, 0]]]);
    for (const frame of frames) {
      const [dx, dy] = this.origins.get(frame);
      for (const key of this.inside.get(frame)) {
        const [x, y] = this.corners.get(key);
        const at = [x + dx, y + dy, ...this.size(key)];
        const n = Number(key.split("-")[1]);
        if (key.startsWith("node")) this.at[n] = at;
        else if (key.startsWith("frame")) {
          this.frameAt.set(n, at);
          this.origins.set(key, [at[0] + FRAME.side, at[1] + FRAME.top]);
        } else this.foldedAt.set(key, at);
      }
    }
  }

  box(key) {
    return key.startsWith("node") ? this.at[Number(key.split("-")[1])] : this.foldedAt.get(key);
  }

  /** The lines of the edges. */
  draw() {
    const twins = new Map();
    for (const [k, [a, b]] of this.ends) {
      const twin = twins.get(`${a} ${b}`) ?? 0;
      twins.set(`${a} ${b}`, twin + 1);
      const [frame, bends] = this.bends.get(k) ?? ["", []];
      const [dx, dy] = this.origins.get(frame);
      const moved = bends.map(([left, right, y]) => [left + dx, right + dx, y + dy]);
      const points = curve(this.box(a), this.box(b), moved, 8 * twin);
      this.lines.set(k, { points, spot: middleOf(points) });
    }
  }

  measure() {
    const boxes = [...Object.values(this.at), ...this.foldedAt.values(), ...this.frameAt.values()];
    const most = (of) => boxes.reduce((found, box) => Math.max(found, of(box)), -Infinity);
    const [left, top] = [-most((b) => -b[0]), -most((b) => -b[1])];
    return [left, top, most((b) => b[0] + b[2]) - left, most((b) => b[1] + b[3]) - top];
  }
}
