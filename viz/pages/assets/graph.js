// The graph as SVG: boxes, edges and module frames; what is lit; folding; pan and zoom.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 56; // the longest empty stretch that folding leaves
const FOLDED_HEIGHT = 46;

/** A new element with attributes and children; strings become text, so that no label is ever read as markup. */
function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "path", "text", "tspan", "title", "circle", "line", "polyline"].includes(name);
  const element = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** A text cut to what fits into `width`. */
function cut(text, width, size = 7.4) {
  const room = Math.max(3, Math.floor(width / size));
  const letters = [...text];
  return letters.length <= room ? text : `${letters.slice(0, room - 1).join("")}…`;
}

/** The box of a node: each kind has a shape of its own, as in the still pictures. */
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
  /** `nodes`, `edges` and `clusters` as in the page's data; `pick` is called with a node that was chosen. */
  constructor({ nodes, edges, clusters, place, folded, first }, pick) {
    Object.assign(this, { nodes, edges, clusters, place, pick });
    this.svg = document.getElementById("graph");
    this.scene = document.getElementById("scene");
    this.folded = new Set(folded);
    this.sealed = new Set(place.sealed);
    this.lit = [];
    this.boxes = nodes.map(() => null);
    this.wires = edges.map(() => null);
    this.drawClusters();
    this.arrange();
    this.focus = first;
    this.size = this.svg.getBoundingClientRect(); // kept, because asking for it lays the page out
    this.home(this.focus);
    this.listen();
  }

  // --- drawing, once

  /** The box of node `i`, drawn when it is first seen: most of a large graph lies in folded modules. */
  boxOf(i) {
    if (this.boxes[i]) return this.boxes[i];
    const [node, box] = [this.nodes[i], this.place.nodes[i]];
    const isRoomy = box[3] > 64 || (box[3] > 50 && node.kind === "constant");
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

  drawClusters() {
    const frames = document.getElementById("clusters");
    const layer = document.getElementById("nodes");
    this.frames = this.clusters.map((cluster, c) => {
      const turn = () => this.toggle(c);
      const rect = make("rect", { rx: 8 });
      const text = make("text", {}, cluster.title);
      const label = `Module ${cluster.title}, ${cluster.count} nodes`;
      const frame = make("g", { id: `module-${c}`, class: "cluster", role: "button", "aria-expanded": "true" });
      frame.append(rect, text);
      const box = make("rect", { class: "box", height: FOLDED_HEIGHT, rx: 8 });
      const name = make("text", { class: "name", y: 19, "text-anchor": "middle" });
      const count = make("text", { class: "count", y: 36, "text-anchor": "middle" }, `${cluster.count} nodes`);
      const folded = make("g", { id: `folded-${c}`, class: "node folded", role: "button", "aria-expanded": "false" });
      if (this.sealed.has(c)) folded.setAttribute("aria-disabled", "true"); // too large to be seen into
      folded.append(make("rect", { class: "halo", x: -4, y: -4, height: FOLDED_HEIGHT + 8, rx: 11 }), box, name, count);
      for (const g of [frame, folded]) {
        g.setAttribute("aria-label", label);
        g.setAttribute("tabindex", 0);
        g.addEventListener("click", turn);
      }
      frames.append(frame);
      layer.append(folded);
      return { frame, rect, text, folded, box, name, count };
    });
  }

  // --- folding

  /** The outermost folded module that hides what lies in module `c`, or -1. */
  hider(c) {
    let hider = -1;
    for (let at = c; at >= 0; at = this.clusters[at].parent) if (this.folded.has(at)) hider = at;
    return hider;
  }

  toggle(c) {
    if (this.sealed.has(c)) return;
    if (this.folded.has(c)) this.folded.delete(c);
    else this.folded.add(c);
    this.arrange();
    const { frame, folded } = this.frames[c];
    (this.folded.has(c) ? folded : frame).focus({ preventScroll: true });
  }

  /** Fold every module, or unfold them when all are folded. */
  foldAll() {
    const all = this.folded.size === this.clusters.length;
    const stay = (c) => !this.place.clusters[c] || this.sealed.has(c);
    this.folded = new Set([...this.clusters.keys()].filter((c) => !all || stay(c)));
    this.arrange();
    this.home(this.focus);
  }

  /** Unfold whatever hides node `i`, where it has a place. */
  reveal(i) {
    let hider = this.hider(this.nodes[i].cluster);
    let changed = false;
    while (hider >= 0 && !this.sealed.has(hider)) {
      this.folded.delete(hider);
      changed = true;
      hider = this.hider(this.nodes[i].cluster);
    }
    if (changed) this.arrange();
  }

  /** Put everything where it belongs in the present state of folding. */
  arrange() {
    this.anchor = this.nodes.map((node) => this.hider(node.cluster));
    const squeezed = this.folded.size > 0;
    const foldedBox = this.clusters.map((cluster, c) => this.place.clusters[c] && this.foldedBox(cluster, c));
    const shownFold = (c) => this.folded.has(c) && this.hider(this.clusters[c].parent) < 0;
    const shownFrame = (c) => this.hider(c) < 0;
    const boxes = [];
    this.nodes.forEach((_, i) => this.anchor[i] < 0 && boxes.push(this.place.nodes[i]));
    const frames = [];
    this.clusters.forEach((_, c) => {
      if (shownFold(c)) boxes.push(foldedBox[c]);
      else if (shownFrame(c)) frames.push(this.place.clusters[c]);
    });
    const ends = (b, axis) => [b[axis], b[axis] + b[axis + 2]];
    const borders = ([from, to], title) => [[from, from + title], [to - 6, to]];
    const spans = (axis) => [
      ...boxes.map((b) => ends(b, axis)),
      ...frames.flatMap((b) => borders(ends(b, axis), axis ? 22 : 6)),
    ];
    const fx = squeezed ? squeeze(spans(0), GAP) : (x) => x;
    const fy = squeezed ? squeeze(spans(1), GAP / 2) : (y) => y;
    this.arrangeClusters(fx, fy, foldedBox, shownFold, shownFrame);
    this.arrangeNodes(fx, fy);
    this.arrangeEdges(fx, fy);
    this.extent = this.measure();
    if (this.onarrange) this.onarrange();
  }

  foldedBox(cluster, c) {
    const [x, y, w, h] = this.place.clusters[c];
    const width = Math.min(w, Math.max(90, cluster.title.length * 7.4 + 24));
    return [x + (w - width) / 2, y + (h - FOLDED_HEIGHT) / 2, width, FOLDED_HEIGHT];
  }

  arrangeClusters(fx, fy, foldedBox, shownFold, shownFrame) {
    this.foldedAt = {};
    this.frames.forEach(({ frame, rect, text, folded, box, name, count }, c) => {
      frame.toggleAttribute("hidden", !shownFrame(c));
      folded.toggleAttribute("hidden", !shownFold(c));
      if (shownFold(c)) {
        const at = mapBox(foldedBox[c], fx, fy);
        this.foldedAt[c] = at;
        folded.setAttribute("transform", `translate(${at[0]} ${at[1]})`);
        folded.querySelector(".halo").setAttribute("width", at[2] + 8);
        box.setAttribute("width", at[2]);
        for (const line of [name, count]) line.setAttribute("x", at[2] / 2);
        name.textContent = cut(this.clusters[c].title, at[2] - 8);
      } else if (shownFrame(c)) {
        const [x, y, w, h] = mapBox(this.place.clusters[c], fx, fy);
        for (const [key, value] of Object.entries({ x, y, width: w, height: h })) rect.setAttribute(key, value);
        text.setAttribute("x", x + 8);
        text.setAttribute("y", y + 16);
        text.textContent = cut(`▾ ${this.clusters[c].title}`, w - 12, 6.6);
      }
    });
  }

  arrangeNodes(fx, fy) {
    this.at = this.nodes.map((_, i) => {
      const isShown = this.anchor[i] < 0;
      this.boxes[i]?.g.toggleAttribute("hidden", !isShown);
      if (!isShown) return this.foldedAt[this.anchor[i]];
      const [x, y, w, h] = this.place.nodes[i];
      const at = [fx(x + w / 2) - w / 2, fy(y + h / 2) - h / 2, w, h];
      this.boxOf(i).g.setAttribute("transform", `translate(${at[0].toFixed(1)} ${at[1].toFixed(1)})`);
      return at;
    });
  }

  /** Edges with an end in a folded module run to its box, each pair of boxes joined once. */
  arrangeEdges(fx, fy) {
    const drawn = new Map();
    this.stands = this.edges.map(([from, to], k) => {
      const [a, b] = [this.anchor[from], this.anchor[to]];
      const bundled = a >= 0 || b >= 0;
      const key = `${a < 0 ? `n${from}` : a} ${b < 0 ? `n${to}` : b}`;
      const inside = a >= 0 && a === b;
      const show = !inside && !(bundled && drawn.has(key));
      this.wires[k]?.g.toggleAttribute("hidden", !show);
      if (!show) return inside ? -1 : drawn.get(key);
      if (bundled) drawn.set(key, k);
      const planned = bundled ? null : this.place.edges[k];
      const points = planned ? planned.map(([x, y]) => [fx(x), fy(y)]) : curve(this.at[from], this.at[to]);
      const spot = planned && this.place.labels?.[k];
      const [x, y] = spot ? [fx(spot[0]), fy(spot[1])] : middleOf(points);
      const { path, text } = this.wireOf(k);
      path.setAttribute("d", pathData(points));
      text.setAttribute("x", x.toFixed(1));
      text.setAttribute("y", (y + 4).toFixed(1));
      return k;
    });
  }

  measure() {
    const boxes = [...Object.values(this.foldedAt)];
    this.at.forEach((at, i) => this.anchor[i] < 0 && boxes.push(at));
    this.clusters.forEach((_, c) => {
      const { frame, rect } = this.frames[c];
      if (frame.hasAttribute("hidden")) return;
      boxes.push(["x", "y", "width", "height"].map((key) => Number(rect.getAttribute(key))));
    });
    const most = (of) => boxes.reduce((found, box) => Math.max(found, of(box)), -Infinity);
    const [left, top] = [-most((b) => -b[0]), -most((b) => -b[1])];
    return [left, top, most((b) => b[0] + b[2]) - left, most((b) => b[1] + b[3]) - top];
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
    for (const [k, name] of edges) if (this.stands[k] >= 0) add(this.wires[this.stands[k]].g, name);
  }

  /** The element that stands for node `i`: its own, or that of the folded module around it. */
  element(i) {
    return this.anchor[i] >= 0 ? this.frames[this.anchor[i]].folded : this.boxes[i].g;
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
    const scale = Math.min(1.3, (width - 40) / w, (height - 64) / h);
    this.view = [(width - w * scale) / 2 - x * scale, (height - 24 - h * scale) / 2 - y * scale, scale];
    this.untouched = true;
    this.rest = "fit";
    this.apply();
  }

  /** The first view: the whole graph if its texts can be read then, otherwise the surroundings of node `i`. */
  home(i) {
    this.fit();
    this.rest = "home";
    if (this.view[2] >= 0.6) return;
    this.view[2] = 0.75;
    this.centre(i);
  }

  /** Put node `i` in the middle, as far as that leaves no room unused. */
  centre(i) {
    const scale = this.view[2];
    const { width, height } = this.size;
    [width, height - 40].forEach((room, axis) => {
      const [start, size] = [this.extent[axis] * scale, this.extent[axis + 2] * scale];
      const middle = room / 2 - (this.at[i][axis] + this.at[i][axis + 2] / 2) * scale;
      const inside = Math.min(20 - start, Math.max(room - 20 - start - size, middle));
      this.view[axis] = size + 40 < room ? (room - size) / 2 - start : inside;
    });
    this.apply();
  }

  /** Bring node `i` into sight if it is out of it. */
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
