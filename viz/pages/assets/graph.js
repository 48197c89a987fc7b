// The graph as SVG: boxes, edges and module frames; what is lit; folding; pan and zoom.

const FEW_BOXES = 60; // so many are shown at first, if there are more
const FEWEST_BOXES = 4; // of fewer, nothing can be learnt
const READABLE = 0.92; // the scale at which the smallest texts have 11 px

/** The box of a node: each kind has its own shape, as in the still pictures. */
function outline(kind, w, h) {
  const corner = { parameter: 9, root: 12 }[kind];
  if (!corner) return make("rect", { class: "box", width: w, height: h, rx: kind === "leaf" ? 16 : 8 });
  const points =
    kind === "root"
      ? [[corner, 0], [w - corner, 0], [w, corner], [w, h - corner],
         [w - corner, h], [corner, h], [0, h - corner], [0, corner]]
      : [[corner, 0], [w - corner, 0], [w, h / 2], [w - corner, h], [corner, h], [0, h / 2]];
  return make("path", { class: "box", d: `M${points.map((point) => point.join(" ")).join("L")}Z` });
}

/** A box with its name at the top, and a line each for value and gradient. */
function roomyBox(node, [, , w, h]) {
  const inset = node.kind === "parameter" ? 18 : 12;
  const g = boxOf(node, w, h);
  const line = (y, name, text) => {
    const word = make("text", { class: "word", x: inset, y }, text);
    const number = make("text", { class: name, x: w - inset, y, "text-anchor": "end" });
    g.append(word, number);
    return number;
  };
  const title = make("text", { class: "name", x: inset, y: 20 }, cut(node.title, w - 2 * inset, 8.1));
  const parts = { g, isRoomy: true, room: w - 2 * inset - 38, tank: w - 14, grad: null, level: null };
  if (node.collects) {
    parts.level = make("rect", { class: "level", x: 7, y: 52, width: 0, height: 18, rx: 5 });
    g.append(parts.level);
  }
  g.append(title);
  parts.value = line(43, "value", "value");
  if (node.collects) parts.grad = line(65, "grad", "grad");
  if (h > 100) {
    parts.maps = make("g", { transform: `translate(${inset} ${node.collects ? 80 : 54})` });
    parts.mapRoom = { width: (w - 2 * inset - 10) / 2, height: h - (node.collects ? 90 : 64) };
    g.append(parts.maps);
  }
  return parts;
}

/** A box without words, for graphs of many nodes. */
function compactBox(node, [, , w, h]) {
  const room = w - (node.kind === "parameter" ? 28 : 12); // its corners are cut off
  const g = boxOf(node, w, h);
  const name = make("text", { class: "name", x: w / 2, y: h < 40 ? 20 : 17, "text-anchor": "middle" });
  name.textContent = cut(node.title, room, 8.1);
  const value = make("text", { class: "value", x: w / 2, y: 33, "text-anchor": "middle" });
  g.append(name, value);
  const inset = node.kind === "parameter" ? 11 : 7;
  const parts = { g, value, room, tank: w - 2 * inset, grad: null, level: null };
  if (!node.collects) return parts;
  parts.level = make("rect", { class: "level", x: inset, y: h - 23, width: 0, height: 17, rx: 4 });
  parts.grad = make("text", { class: "grad", x: w / 2, y: h - 10, "text-anchor": "middle" });
  g.append(parts.level, make("rect", { class: "tank", x: inset, y: h - 23, width: parts.tank, height: 17, rx: 4 }));
  g.append(parts.grad);
  return parts;
}

/** The group of a node with its outline, and the ring that shows the keyboard's focus. */
function boxOf(node, w, h) {
  const changes = node.canChange ? " changes" : "";
  const g = make("g", { class: `node ${node.kind}${changes}`, role: "button", tabindex: node.tab ?? -1 });
  g.append(make("rect", { class: "halo", x: -4, y: -4, width: w + 8, height: h + 8, rx: 12 }), outline(node.kind, w, h));
  if (node.canChange) g.append(make("path", { class: "handle", d: `M14 ${h}H${w - 14}M${w / 2 - 4} ${h}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0` }));
  return g;
}

class GraphView {
  /**
   * `nodes` and `edges` as in the page's data, `folding` of them, and the `place` of everything if nothing is folded,
   * null if the page should find one; `pick` is called with a node that was chosen.
   */
  constructor({ nodes, edges, folding, place, first }, pick) {
    Object.assign(this, { nodes, edges, folding, place, pick });
    this.svg = document.getElementById("graph");
    this.scene = document.getElementById("scene");
    this.lit = [];
    this.boxes = nodes.map(() => null);
    this.wires = edges.map(() => null);
    this.frames = new Map();
    this.folded = new Map();
    this.focus = first;
    this.size = this.svg.getBoundingClientRect(); // kept, because asking for it lays the page out
    this.openReadable();
    this.home(this.focus);
    this.listen();
  }

  // --- drawing, once

  /** The box of node `i`, drawn when it is first seen: most of a large graph is in folded modules. */
  boxOf(i) {
    if (this.boxes[i]) return this.boxes[i];
    const node = this.nodes[i];
    const box = [0, 0, ...node.size];
    const isRoomy = box[3] > 64 || (box[3] > 50 && !node.collects);
    const parts = (isRoomy ? roomyBox : compactBox)(node, box);
    parts.g.id = `node-${i}`;
    parts.g.addEventListener("click", () => this.pick(i));
    document.getElementById("nodes").append(parts.g);
    this.boxes[i] = parts;
    return parts;
  }

  /** The line of edge `k`, drawn when it is first seen. */
  wireOf(k) {
    if (this.wires[k]) return this.wires[k];
    const [, to, position] = this.edges[k];
    const [path, text] = [make("path"), make("text")];
    const g = make("g", { id: `edge-${to}-${position}`, class: "edge" }, path, text);
    document.getElementById("edges").append(g);
    this.wires[k] = { g, path, text };
    return this.wires[k];
  }

  /** The frame of an open group, drawn when it is first seen. */
  frameOf(g) {
    if (this.frames.has(g)) return this.frames.get(g);
    const [rect, text] = [make("rect", { rx: 8 }), make("text")];
    const frame = make("g", { id: `module-${g}`, class: "cluster", role: "button", "aria-expanded": "true", tabindex: 0 }, rect, text);
    frame.addEventListener("click", () => this.toggle(g));
    document.getElementById("clusters").append(frame);
    const turns = this.folding.groups[g].turns ? this.turnsOf(g) : null;
    this.frames.set(g, { frame, rect, text, turns });
    return this.frames.get(g);
  }

  /** The buttons on the frame of a repetition: the turn before, the turn after, all turns. */
  turnsOf(g) {
    const { folding } = this;
    const { width, height } = TURN;
    const button = (x, wide, text, label, act) => {
      const face = make("text", { x: x + wide / 2, y: height / 2 + 4, "text-anchor": "middle" }, text);
      const key = make("g", { class: "turn", role: "button", tabindex: 0, "aria-label": label }, make("rect", { x, width: wide, height, rx: 6 }), face);
      key.addEventListener("click", act);
      return key;
    };
    const by = (n) => () => this.chooseTurn(g, folding.chosen(g) + n);
    const before = button(0, width, "‹", "The turn before", by(-1));
    const after = button(width + 4, width, "›", "The turn after", by(1));
    const all = button(2 * width + 8, width + 10, "all", "Show all turns, or one", () => this.open(g, folding.mode(g) === "all" ? "open" : "all"));
    const bar = make("g", { class: "turns" }, before, after, all);
    document.getElementById("nodes").append(bar);
    return bar;
  }

  /** The box of what is folded, drawn when it is first seen. */
  foldedOf(key) {
    if (this.folded.has(key)) return this.folded.get(key);
    const [side, g] = [key.split("-")[0], Number(key.split("-")[1])];
    const centred = { "text-anchor": "middle" };
    const parts = {
      halo: make("rect", { class: "halo", x: -4, y: -4, height: FOLDED_HEIGHT + 8, rx: 11 }),
      box: make("rect", { class: "box", height: FOLDED_HEIGHT, rx: 8 }),
      name: make("text", { class: "name", y: 19, ...centred }),
      count: make("text", { class: "count", y: 35, ...centred }),
      value: make("text", { class: "value", y: 53, ...centred }),
      grad: make("text", { class: "grad", y: 70, ...centred }),
      made: make("rect", { class: "done forward", x: 8, y: 77, height: 3, width: 0 }),
      given: make("rect", { class: "done backward", x: 8, y: 82, height: 3, width: 0 }),
    };
    const about = side === "group" ? { "aria-expanded": "false" } : {};
    const box = make("g", { id: side === "group" ? `folded-${g}` : key, class: "node folded", role: "button", tabindex: 0, ...about }, ...Object.values(parts));
    const step = { before: -1, after: 1 }[side];
    box.addEventListener("click", () => (step ? this.chooseTurn(g, this.folding.chosen(g) + step) : this.toggle(g)));
    document.getElementById("nodes").append(box);
    this.folded.set(key, { ...parts, g: box });
    return this.folded.get(key);
  }

  // --- folding

  /** The first state of folding in which the whole graph can be read; if there is none, the most readable one. */
  openReadable() {
    const { folding } = this;
    if (this.nodes.length <= FEW_BOXES) return this.arrange();
    let best = null;
    for (const state of folding.states(FEW_BOXES, "all")) {
      if (best && folding.count() < FEWEST_BOXES) break;
      this.arrange();
      this.fit();
      const scale = this.view[2];
      if (scale >= READABLE) return null;
      if (!best || scale > best.scale) best = { scale, state };
    }
    folding.openTo(...(best?.state ?? [0, "box"]));
    return this.arrange();
  }

  /** Fold group `g` to a box, or open it. */
  toggle(g) {
    this.open(g, this.folding.mode(g) === "box" ? "open" : "box");
  }

  /** Show group `g` as a "box", "open", or with "all" turns; what would show too much is refused. */
  open(g, mode) {
    const { folding } = this;
    const before = folding.mode(g);
    folding.set(g, mode);
    const count = folding.count();
    if (mode !== "box" && count > MOST_SHOWN) {
      folding.set(g, before);
      this.onrefuse?.(`${count} boxes are too many to show side by side: look at one turn, or fold other modules first.`);
      return;
    }
    this.arrange();
    const { frame, at } = mode === "box" ? { frame: this.folded.get(`group-${g}`)?.g, at: this.foldedAt.get(`group-${g}`) } : { ...this.frames.get(g), at: this.frameAt.get(g) };
    this.lookAt(at);
    frame?.focus({ preventScroll: true });
  }

  /** Show this turn of a repetition. */
  chooseTurn(g, turn) {
    if (this.folding.chosen(g) === turn) return;
    this.folding.choose(g, turn);
    this.onturn?.(g, this.folding.chosen(g));
    this.arrange();
    this.lookAt(this.frameAt.get(g));
  }

  /** Fold every group, or open as many as can be shown when all are folded. */
  foldAll() {
    const { folding } = this;
    if (folding.isAllFolded) folding.states(MOST_SHOWN, "open").next();
    else folding.openTo(0, "box");
    this.arrange();
    this.home(this.focus);
  }

  /** Open whatever hides node `i`. */
  reveal(i) {
    if (this.anchor[i] === null) return;
    this.folding.reveal(i);
    this.arrange();
  }

  /** Put everything where it belongs in the present state of folding. */
  arrange() {
    const plan = new Plan(this.folding, this.nodes, this.edges, this.place);
    Object.assign(this, { anchor: plan.anchor, drawnAs: plan.drawnAs, bundles: plan.bundles, foldedAt: plan.foldedAt, frameAt: plan.frameAt, extent: plan.extent });
    this.at = this.nodes.map((_, i) => plan.at[i] ?? plan.foldedAt.get(plan.anchor[i]));
    this.nodes.forEach((_, i) => {
      const isShown = this.anchor[i] === null;
      this.boxes[i]?.g.toggleAttribute("hidden", !isShown);
      if (isShown) this.move(this.boxOf(i).g, this.at[i]);
    });
    this.arrangeGroups();
    this.edges.forEach((_, k) => this.wires[k]?.g.toggleAttribute("hidden", this.drawnAs[k] !== k));
    for (const [k, { points, spot }] of plan.lines) {
      const { path, text } = this.wireOf(k);
      path.setAttribute("d", pathData(points));
      text.setAttribute("x", spot[0].toFixed(1));
      text.setAttribute("y", (spot[1] + 4).toFixed(1));
    }
    if (this.onarrange) this.onarrange();
  }

  move(element, [x, y]) {
    element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  arrangeGroups() {
    const { folding } = this;
    for (const [g, { frame, turns }] of this.frames) {
      frame.toggleAttribute("hidden", !this.frameAt.has(g));
      turns?.toggleAttribute("hidden", !this.frameAt.has(g));
    }
    for (const [key, { g }] of this.folded) g.toggleAttribute("hidden", !this.foldedAt.has(key));
    for (const [g, [x, y, w, h]] of this.frameAt) {
      const { frame, rect, text, turns } = this.frameOf(g);
      for (const [name, at] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(name, at.toFixed(1));
      text.setAttribute("x", (x + 9).toFixed(1));
      text.setAttribute("y", (y + 17).toFixed(1));
      text.textContent = cut(folding.heading(g), w - 16 - (turns ? 3 * TURN.width + 16 : 0), 7);
      frame.setAttribute("aria-label", `Fold ${folding.heading(g)}`);
      if (turns) this.move(turns, [x + 20 + folding.room(g), y + 4]);
    }
    for (const [key, [x, y, w]] of this.foldedAt) {
      const { g, halo, box, name, count, value, grad } = this.foldedOf(key);
      this.move(g, [x, y]);
      halo.setAttribute("width", (w + 8).toFixed(1));
      box.setAttribute("width", w.toFixed(1));
      for (const line of [name, count, value, grad]) line.setAttribute("x", (w / 2).toFixed(1));
      name.textContent = cut(folding.named(key), w - 12, 8);
    }
  }

  // --- what changes from step to step

  /** Show a node's value and gradient: texts, or null for what is not known yet; `share` of its uses have given. */
  fill(i, { value, grad, share, spoken, isOdd, maps }) {
    const parts = this.boxes[i];
    if (!parts) return; // it was never shown
    parts.g.classList.toggle("waiting", value === null);
    parts.value.textContent = cut(value ?? (parts.isRoomy ? "·" : ""), parts.room, parts.isRoomy ? 7.8 : 7.3);
    parts.value.classList.toggle("odd", isOdd.value);
    if (parts.grad) {
      parts.grad.textContent = cut(grad ?? "", parts.room, parts.isRoomy ? 7.8 : 7.3);
      parts.grad.classList.toggle("odd", isOdd.grad);
      parts.level.setAttribute("width", (parts.tank * share).toFixed(1));
    }
    parts.g.setAttribute("aria-label", spoken);
    if (parts.maps) parts.maps.replaceChildren(...maps(parts.mapRoom));
  }

  /** What a screen reader says of node `i`. */
  spoken(i) {
    return this.boxes[i] ? this.boxes[i].g.getAttribute("aria-label") : this.nodes[i].title;
  }

  label(k, text) {
    if (this.wires[k]) this.wires[k].text.textContent = text;
  }

  /** Light nodes and edges: {nodes: [[index, class]…], edges: [[index, class]…]}. */
  light({ nodes, edges }) {
    for (const [element, name] of this.lit) element.classList.remove(name);
    this.lit = [];
    const add = (element, name) => {
      element.classList.add(name);
      this.lit.push([element, name]);
    };
    for (const [i, name] of nodes) add(this.element(i), name);
    for (const [k, name] of edges) if (this.drawnAs[k] >= 0) add(this.wires[this.drawnAs[k]].g, name);
  }

  /** The element of node `i`: its own, or the box that it is folded into. */
  element(i) {
    return this.anchor[i] === null ? this.boxes[i].g : this.folded.get(this.anchor[i]).g;
  }

  mark(name, chosen) {
    for (const element of this.svg.querySelectorAll(`.${name}`)) element.classList.remove(name);
    for (const i of chosen) this.element(i).classList.add(name);
  }

  // --- pan and zoom

  listen() {
    const pointers = new Map();
    let moved = 0;
    this.svg.addEventListener("pointerdown", (event) => {
      if (this.onpress?.(event)) return; // a leaf is dragged, not the view
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      moved = 0;
    });
    this.svg.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = [event.clientX, event.clientY];
      const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      if (moved > 4) this.svg.classList.add("dragging");
      if (others.length) this.pinch(others[0], before, now);
      else this.pan(now[0] - before[0], now[1] - before[1]);
      pointers.set(event.pointerId, now);
    });
    const release = (event) => {
      pointers.delete(event.pointerId);
      this.svg.classList.remove("dragging");
    };
    for (const type of ["pointerup", "pointercancel", "pointerleave"]) this.svg.addEventListener(type, release);
    // A drag that ends over a box is not a click on it.
    this.svg.addEventListener("click", (event) => moved > 4 && event.stopPropagation(), true);
    this.svg.addEventListener("click", (event) => event.target === this.svg && this.pick(null));
    this.svg.addEventListener(
      "wheel",
      (event) => {
        if (this.wheelScrolls && !event.ctrlKey && !document.hasFocus()) return; // the notebook scrolls
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX, event.clientY);
      },
      { passive: false },
    );
    new ResizeObserver(() => {
      if (this.svg.hasAttribute("viewBox")) return; // on paper, the drawing is scaled as it is
      this.size = this.svg.getBoundingClientRect();
      if (this.untouched) this[this.rest](this.focus);
    }).observe(this.svg);
  }

  pinch(other, before, now) {
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    this.zoom(distance(now) / (distance(before) || 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  pan(dx, dy) {
    this.untouched = false;
    this.view[0] += dx;
    this.view[1] += dy;
    this.apply();
  }

  zoom(factor, clientX, clientY) {
    const { left, top, width, height } = this.svg.getBoundingClientRect();
    const x = clientX === undefined ? width / 2 : clientX - left;
    const y = clientY === undefined ? height / 2 : clientY - top;
    const scale = Math.min(4, Math.max(0.05, this.view[2] * factor));
    const ratio = scale / this.view[2];
    this.view = [x - (x - this.view[0]) * ratio, y - (y - this.view[1]) * ratio, scale];
    this.untouched = false;
    this.apply();
  }

  fit() {
    const { width, height } = this.size;
    const [x, y, w, h] = this.extent;
    const scale = Math.min(1.3, (width - 40) / w, (height - 84) / h); // above the legend, with a line below the lowest box
    this.view = [(width - w * scale) / 2 - x * scale, (height - 44 - h * scale) / 2 - y * scale, scale];
    this.untouched = true;
    this.rest = "fit";
    this.apply();
  }

  /** The first view: the whole graph if its texts can be read then, otherwise the surroundings of node `i`. */
  home(i) {
    this.fit();
    this.rest = "home";
    if (this.view[2] >= 0.6) return;
    this.view[2] = READABLE;
    this.centre(i);
  }

  /** After folding: the whole graph if its texts can be read then, otherwise the part at [x, y, width, height]. */
  lookAt(at) {
    this.fit();
    if (this.view[2] >= READABLE || !at) return;
    this.view[2] = READABLE;
    this.rest = "home";
    const [x, y, w, h] = at;
    const isIn = (box) => box && box[0] >= x && box[1] >= y && box[0] + box[2] <= x + w && box[1] + box[3] <= y + h;
    const first = [...this.at, ...this.foldedAt.values()].filter(isIn).reduce((left, box) => (box[0] < left[0] ? box : left), at);
    const room = [this.size.width, this.size.height - 24];
    const middle = [x + w / 2, y + h / 2];
    [w, h].forEach((size, axis) => {
      const fits = size * READABLE + 40 < room[axis];
      if (fits) this.view[axis] = room[axis] / 2 - middle[axis] * READABLE;
      else this.view[axis] = axis ? room[1] / 2 - (first[1] + first[3] / 2) * READABLE : 20 - x * READABLE;
    });
    this.apply();
  }

  /** Show node `i`: with the beginning or the end of the graph at the edge if it is in sight then, else in the middle. */
  centre(i) {
    const scale = this.view[2];
    const { width, height } = this.size;
    [width, height - 40].forEach((room, axis) => {
      const [start, size] = [this.extent[axis] * scale, this.extent[axis + 2] * scale];
      const [from, to] = [this.at[i][axis] * scale, (this.at[i][axis] + this.at[i][axis + 2]) * scale];
      const edges = [20 - start, room - 20 - start - size];
      const atEdge = edges.find((shift) => from + shift > 19 && to + shift < room - 19);
      this.view[axis] = size + 40 < room ? (room - size) / 2 - start : (atEdge ?? (room - from - to) / 2);
    });
    this.apply();
  }

  /** Whether the box of node `i` is within the window. */
  sees(i) {
    const [x, y, w, h] = this.at[i];
    const [dx, dy, scale] = this.view;
    const { width, height } = this.size;
    return dx + (x + w) * scale > 0 && dx + x * scale < width && dy + (y + h) * scale > 0 && dy + y * scale < height;
  }

  /** Move the view to node `i` if it is not visible. */
  follow(i) {
    this.focus = i;
    const at = this.at[i];
    const { width, height } = this.size;
    const [dx, dy, scale] = this.view;
    const [x, y] = [dx + (at[0] + at[2] / 2) * scale, dy + (at[1] + at[3] / 2) * scale];
    if (x > 30 && x < width - 30 && y > 20 && y < height - 40) return;
    this.centre(i);
  }

  apply() {
    const [x, y, scale] = this.view;
    this.svg.classList.toggle("far", scale < 0.45);
    const transform = `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(4)})`;
    for (const layer of [this.scene, document.getElementById("motion")]) layer.setAttribute("transform", transform);
  }
}
