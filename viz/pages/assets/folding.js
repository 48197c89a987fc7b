// What is folded: module calls, and repetitions. Of a repetition the page shows one turn, all turns or none.

const MOST_SHOWN = 500; // boxes

/** A word for several: "steps"; a title such as Linear(4 → 4) stays. */
const plural = (noun) => (/^[a-z]+$/.test(noun) ? `${noun}s` : noun);

class Folding {
  /**
   * `groups`, each after the one around it: modules have a title, repetitions `turns` and a `noun`; `home` is the group
   * of each operation, `uses` that in which the start of each edge is needed, -1 for the whole graph.
   */
  constructor({ groups, home, uses }, nodes, edges) {
    Object.assign(this, { groups, home, uses, edges });
    this.turn = groups.map(() => 0); // of a repetition: the one that is visible
    this.number = groups.map(() => -1); // of a turn, in its repetition
    for (const { turns } of groups) turns?.forEach((t, n) => { this.number[t] = n; });
    this.around = nodes.map((node, i) => (node.isOperation ? [home[i]] : []));
    edges.forEach(([from], k) => !nodes[from].isOperation && this.around[from].push(uses[k]));
    this.around = this.around.map((of) => [...new Set(of)]);
    this.depth = groups.map(() => 0);
    groups.forEach(({ parent }, g) => { this.depth[g] = parent < 0 ? 0 : this.depth[parent] + (this.isTurn(g) ? 0 : 1); });
    this.openTo(Infinity, "all");
  }

  isTurn(g) {
    return this.number[g] >= 0;
  }

  /** The group whose state counts for `g`: all turns are folded in the same way. */
  like(g) {
    return this.groups[g].like;
  }

  /** "box", "open"; for a repetition also "all"; its "open" is one turn. */
  mode(g) {
    return this.modes[this.like(g)];
  }

  /** Open the groups that are in less than `depth` others, with repetitions in this mode. */
  openTo(depth, repeated) {
    this.modes = this.groups.map(({ turns }, g) => (this.depth[g] < depth ? (turns ? repeated : "open") : "box"));
    this.groups.forEach((_, g) => { if (this.isTurn(g)) this.modes[g] = "open"; });
    this.look();
  }

  set(g, mode) {
    this.modes[this.like(g)] = mode;
    this.look();
  }

  choose(g, turn) {
    this.turn[this.like(g)] = Math.max(0, Math.min(this.groups[g].turns.length - 1, turn));
    this.look();
  }

  chosen(g) {
    return this.turn[this.like(g)];
  }

  /** Find for each group the box that hides it, null for none, and the frame that its content is in. */
  look() {
    const { groups } = this;
    this.hidden = [];
    this.frame = [];
    groups.forEach(({ parent }, g) => {
      const around = parent < 0 ? null : this.hidden[parent];
      this.frame[g] = g;
      if (around !== null) this.hidden[g] = around;
      else if (this.isTurn(g)) {
        const one = this.mode(parent) === "open";
        const side = one ? Math.sign(this.number[g] - this.chosen(parent)) : 0;
        this.hidden[g] = side ? `${side < 0 ? "before" : "after"}-${parent}` : null;
        if (one) this.frame[g] = parent;
      } else this.hidden[g] = this.mode(g) === "box" ? `group-${g}` : null;
    });
  }

  hider(g) {
    return g < 0 ? null : this.hidden[g];
  }

  /** The box that hides node `i`, null for none: a leaf is where one of its uses is, in the visible turn if possible. */
  hiderOf(i) {
    const boxes = this.around[i].map((g) => this.hider(g));
    return boxes.includes(null) ? null : (boxes.find((key) => key.startsWith("group")) ?? boxes[0]);
  }

  /** The frames around group `g`, the innermost first. */
  frames(g) {
    const found = [];
    for (let at = g; at >= 0; at = this.groups[at].parent) {
      const frame = this.frame[at];
      if (found.at(-1) !== frame) found.push(frame);
    }
    return found;
  }

  /** The frame that node `i` is in: the innermost around all visible uses; -1 for none. */
  frameOf(i) {
    const [first, ...others] = this.around[i].filter((g) => this.hider(g) === null).map((g) => this.frames(g));
    return first.find((frame) => others.every((frames) => frames.includes(frame))) ?? -1;
  }

  /** How many boxes are visible. */
  count() {
    const boxes = new Set();
    let nodes = 0;
    this.around.forEach((_, i) => {
      const hider = this.hiderOf(i);
      if (hider === null) nodes += 1;
      else boxes.add(hider);
    });
    return nodes + boxes.size;
  }

  /** Open what hides node `i`. */
  reveal(i) {
    const wanted = [];
    for (let g = this.around[i][0]; g >= 0; g = this.groups[g].parent) wanted.push(g);
    for (const g of wanted.reverse()) {
      if (this.isTurn(g)) this.turn[this.like(this.groups[g].parent)] = this.number[g];
      else if (this.mode(g) === "box") this.modes[this.like(g)] = "open";
    }
    this.look();
  }

  get isAllFolded() {
    return this.groups.every((_, g) => this.isTurn(g) || this.mode(g) === "box");
  }

  get isAllOpen() {
    return this.groups.every(({ turns }, g) => this.isTurn(g) || this.mode(g) === (turns ? "all" : "open"));
  }

  /** The states that show at most `most` boxes, each more folded than the one before; the first with these `turns`. */
  * states(most, turns) {
    const deepest = this.depth.reduce((a, b) => Math.max(a, b), -1) + 1;
    const all = [[Infinity, turns]];
    for (let depth = deepest; depth >= 0; depth -= 1) all.push([depth, "open"]);
    for (const [depth, repeated] of all) {
      this.openTo(depth, repeated);
      if (this.count() <= most) yield [depth, repeated];
    }
  }

  /** What a folded box is called, and the nodes in it. */
  named(key) {
    const [side, g] = [key.split("-")[0], Number(key.split("-")[1])];
    const { title, noun, turns } = this.groups[g];
    if (side === "group") return turns ? `${noun} ×${turns.length}` : title;
    const [from, to] = side === "before" ? [1, this.chosen(g)] : [this.chosen(g) + 2, turns.length];
    return from === to ? `${noun} ${from}` : `${plural(noun)} ${from}–${to}`;
  }

  /** The heading of a frame. */
  heading(g) {
    const { title, noun, turns, parent } = this.groups[g];
    if (this.isTurn(g)) return `${this.groups[parent].noun} ${this.number[g] + 1}`;
    if (!turns) return title;
    return this.mode(g) === "all" ? `${noun} ×${turns.length}` : `${noun} ${this.chosen(g) + 1} of ${turns.length}`;
  }

  /** The width of a heading; that of a loop is the same in every turn. */
  room(g) {
    const { noun, turns } = this.groups[g];
    return 7.4 * (turns ? `${noun} ${turns.length} of ${turns.length}` : this.heading(g)).length;
  }
}
