// All that is known of one node, and where its gradient comes from.

/** A number or array in full. */
function full(data) {
  if (data === null) return null;
  if (!isArray(data)) {
    if (!Number.isFinite(data)) return numberText(data);
    const tiny = data !== 0 && Math.abs(data) < 1e-4;
    return (tiny ? data.toExponential() : String(data)).replaceAll("-", "−");
  }
  const shape = `(${data.shape.join(", ")}) ${data.dtype}`;
  if (entries(data)) return shape;
  return `${shape}, min ${numberText(data.min)}, mean ${numberText(data.mean)}, max ${numberText(data.max)}`;
}

/** A small array as a grid: `cell` makes the content of an entry from its number and its index. */
function grid(data, caption, cell) {
  const width = data.shape.at(-1) ?? 1;
  const all = Array.from(entries(data));
  const rows = [];
  for (let at = 0; at < all.length; at += width) {
    const row = all.slice(at, at + width).map((x, j) => cell(x, indexOf(at + j, data.shape)));
    rows.push(make("tr", {}, ...row.map((content) => make("td", { class: "number" }, content))));
  }
  const table = make("table", { "aria-label": caption }, make("tbody", {}, ...rows));
  return make("div", { class: "cells", tabindex: 0, role: "region", "aria-label": caption }, table);
}

const WRITTEN = 64; // entries that are written out as numbers

class Inspector {
  /** `pick` is called with a node, `walk` with the steps of a path that is to be lit. */
  constructor(film, { why, audit, leaves, descent }, pick, walk) {
    Object.assign(this, { film, why, audit, leaves, descent, pick, walk });
    this.element = document.getElementById("inspector");
    this.cell = null;
    this.maps = new ArrayView(film);
  }

  show(i, count, pinned) {
    if (i !== this.shown) {
      this.cell = null;
      this.drawn = new Map(); // heat maps
    }
    Object.assign(this, { shown: i, count });
    const { film } = this;
    const node = film.nodes[i];
    const value = film.value(i, count);
    const gradient = film.gradient(i, count);
    const title = make("div", { class: "row" }, make("h2", { id: "inspected" }, node.name));
    if (pinned) {
      const release = make("button", { type: "button", title: "Follow the steps again (Esc)" }, "Unpin");
      release.addEventListener("click", () => this.pick(null));
      title.append(release);
    }
    const total = film.arrivals[i].length;
    const arrived = `${film.arrived(i, count)} of ${total} arrived`;
    const progress = node.collects ? arrived : "a constant collects none";
    const source = node.source && `${node.source.file}, line ${node.source.line}\n${node.source.text ?? ""}`.trim();
    this.element.replaceChildren(
      title,
      ...this.warnings(node),
      listing([
        ["label", node.label && node.label !== node.name ? node.label : null],
        ["is", this.kind(node)],
        ["value", full(value) ?? "not computed yet"],
        ["gradient", gradient === null ? progress : `${full(gradient)}  (${progress})`],
        ["module", node.module.join(" › ")],
        ["source", source],
      ]),
      ...this.changing(node),
      ...this.arrays(node, value, gradient, count),
      ...this.neighbours(node, count),
      ...this.paths(node, count),
    );
  }

  kind(node) {
    let what = node.parameter ? "parameter" : node.role;
    if (node.role === "operation") what = `${node.op}: ${node.name} = ${this.film.expression(node.id)}`;
    return node.root ? `${what} (the result)` : what;
  }

  warnings(node) {
    const warnings = [];
    const { film } = this;
    const [value, gradient] = [film.numbers.value(node.id), film.numbers.gradient(node.id)];
    const bad = "⚠ a NaN or an infinity is in its value or gradient";
    if (odd(value) || (node.collects && odd(gradient))) warnings.push(make("p", { class: "warning" }, bad));
    for (const { sentence, verdict } of this.audit[node.id] ?? []) {
      warnings.push(make("p", { class: verdict === "wrong" ? "warning" : "unsure" }, sentence));
    }
    return warnings;
  }

  /** Whether the number can be changed: why not, or whether the leaf takes part in a gradient step. */
  changing(node) {
    const { film, descent } = this;
    const unsure = (text) => [make("p", { class: "unsure" }, text)];
    if (!film.isLive) return node.role === "operation" ? [] : unsure("Its numbers stay as they are: this graph has too many numbers to be computed in a page.");
    const numbers = film.isScalar ? "its number and its local derivatives stay" : "its numbers stay";
    if (node.fixed) return unsure(`${node.name} ${node.fixed}: ${numbers} as recorded.`);
    if (node.settings?.kept) return unsure(`${node.name} keeps ${node.settings.kept} that your program made when it ran, even if other numbers would need another one.`);
    const frozen = film.numbers.frozen.get(node.id);
    if (frozen !== undefined && node.role !== "operation") {
      const { name, fixed } = film.nodes[frozen];
      return unsure(`${film.isScalar || film.numbers.size(node.id) === 1 ? "Its number stays as it is" : "Its numbers stay as they are"}: ${name} depends on it, and ${name} ${fixed}.`);
    }
    if (!film.numbers.canChange(node.id) || !node.collects) return [];
    const box = make("input", { type: "checkbox", id: "takes-part" });
    box.checked = descent.chosen.has(node.id);
    box.addEventListener("change", () => descent.choose(node.id, box.checked));
    return [make("label", { class: "check" }, box, "takes part in a gradient step")];
  }

  arrays(node, value, gradient, count) {
    const parts = value !== null && node.role === "operation" && node.shape ? this.maps.operation(node) : [];
    const many = (data) => isArray(data) && data.shape.length && entries(data)?.length;
    const canChange = this.film.numbers.canChange(node.id);
    const open = (flat) => {
      const byKey = document.activeElement?.classList.contains("heat");
      this.cell = this.cell === flat ? null : flat;
      this.show(node.id, this.count, true);
      if (byKey) this.drawn.get("gradient-map").element.firstChild.focus();
    };
    const pick = canChange ? { choose: (flat) => this.leaves.showEditor(node.id, true, flat) } : {};
    if (hasMap(value) && !parts.length) parts.push(this.map(value, "value-map", node.name, pick));
    if (hasMap(gradient)) parts.push(this.map(gradient, "gradient-map", `gradient of ${node.name}`, this.canOpen(node) ? { choose: open, at: this.cell ?? 0 } : {}));
    const few = ![value, gradient].some((data) => many(data) && entries(data).length > WRITTEN);
    if (few && many(value) && !canChange) parts.push(make("h3", {}, "Value"), grid(value, `Value of ${node.name}`, (x) => numberText(x)));
    if (few && many(gradient)) parts.push(make("h3", {}, "Gradient"), this.gradientGrid(node, gradient, open));
    else if (hasMap(gradient) && this.canOpen(node)) parts.push(make("p", { class: "lens" }, "Click an entry of the gradient: its chain rule opens in single numbers."));
    if (this.cell !== null && gradient !== null) parts.push(...this.entries(node, count));
    return parts;
  }

  /** A heat map of the node that is shown: drawn once, then only its colours change. */
  map(data, role, name, how) {
    const kept = this.drawn.get(role);
    if (kept) kept.update(data);
    else this.drawn.set(role, heatMap(data, role, name, how));
    return this.drawn.get(role).element;
  }

  /** Whether an entry of the node's gradient can be opened as a sum. */
  canOpen(node) {
    return this.why[node.id] !== undefined || (this.film.isLive && !this.film.isScalar && !node.root);
  }

  /** A small gradient, whose entries can be opened. */
  gradientGrid(node, gradient, open) {
    if (!this.canOpen(node)) return grid(gradient, `Gradient of ${node.name}`, (x) => numberText(x));
    return grid(gradient, `Gradient of ${node.name}: choose an entry to see its sum`, (x, index) => {
      const flat = flatOf(index, gradient.shape);
      const button = make("button", { type: "button", "aria-pressed": String(this.cell === flat) }, numberText(x));
      button.setAttribute("aria-label", `gradient of ${node.name} at ${index}: ${numberText(x)}`);
      button.addEventListener("click", () => open(flat));
      return button;
    });
  }

  /** The sum that an entry of the gradient is, computed here or as Python wrote it; null where it is too long. */
  sumOf(node) {
    if (this.film.isLive) return chainRule(this.film, node.id, this.cell);
    const written = this.why[node.id][String(indexOf(this.cell, node.shape))];
    const terms = written.terms.map((term) => {
      const [incoming, local, product] = [term.incoming, term.local, term.product].map(numberOf);
      return { ...term, at: flatOf(term.index, this.film.nodes[term.node].shape), incoming, local, product };
    });
    const [gradient, remainder] = [written.gradient, written.remainder].map(numberOf);
    return { gradient, remainder, count: Number(written.count.replaceAll(",", "")), terms };
  }

  /** The sum that one entry of a gradient is: of each entry that it flows into, the gradient times the derivative. */
  entries(node, count) {
    const sum = this.sumOf(node);
    const root = this.film.nodes[this.film.root].name;
    const asked = `∂${root}/∂${entryName(node, this.cell)}`;
    if (!sum) return [make("p", { class: "lens" }, `${asked} is a sum of too many terms to be written out here.`)];
    const rows = sum.terms.map(({ step, node: into, at, incoming, local, product, factor }) => {
      const done = step < count;
      const named = factor.startsWith("∂") ? "" : `${factor} = `;
      const texts = done ? [numberText(incoming), named + numberText(local), numberText(product)] : ["", "", "not yet"];
      const cells = texts.map((text, k) => make("td", { class: k === 1 ? "number long" : "number" }, text));
      return make("tr", { class: done ? "" : "todo" }, make("td", {}, entryName(this.film.nodes[into], at)), ...cells);
    });
    const title = make("p", { class: "lens" }, `${asked} = ${numberText(sum.gradient)} is the sum of`);
    if (!rows.length) title.append(" nothing: every local derivative on its way is 0");
    const rest = this.rest(sum.count - sum.terms.length, sum.remainder, 4);
    return [title, this.sum(["flows into", "gradient there", "× local", "= gives"], [...rows, ...rest])];
  }

  /** The sum over paths that a gradient is, each a product. */
  paths(node, count) {
    const { film } = this;
    const complete = film.arrived(node.id, count) === film.arrivals[node.id].length;
    if (!film.isScalar || node.role !== "leaf" || !complete) return [];
    const { count: all, terms } = largestPaths(film, node.id);
    if (!terms.length) return [];
    const rows = terms.map(({ names, steps, factors, product }) => {
      const short = (list) => (list.length > 14 ? [...list.slice(0, 6), "…", ...list.slice(-6)] : list);
      const way = make("button", { type: "button" }, short(names).join(" → "));
      way.addEventListener("click", () => this.walk(steps));
      const figures = short(factors.map((x, k) => (k && x < 0 ? `(${numberText(x)})` : numberText(x))));
      const gives = make("td", { class: "number" }, numberText(product));
      return make("tr", {}, gives, make("td", { class: "way" }, `= ${figures.join(" · ")}`, way));
    });
    const title = all === 1n ? "the only path" : `the sum over ${all.toLocaleString("en-US")} paths`;
    const remainder = film.numbers.gradient(node.id) - terms.reduce((sum, { product }) => sum + product, 0);
    const rest = this.rest(Number(all) - terms.length, remainder, 2);
    return [make("h3", {}, `Why: ${title}`), this.sum(["gives", "as the product along the path"], [...rows, ...rest])];
  }

  /** A row for what the terms that are not listed come to. */
  rest(left, remainder, width) {
    if (left === 0 || (Number.isNaN(left) && remainder === 0)) return [];
    const text = `the others: ${numberText(remainder)}`;
    return [make("tr", {}, make("td", { colspan: width }, text))];
  }

  sum(titles, rows) {
    const head = make("tr", {}, ...titles.map((title) => make("th", { scope: "col" }, title)));
    return make("table", { class: "sum" }, make("thead", {}, head), make("tbody", {}, ...rows));
  }

  neighbours(node, count) {
    const parts = [];
    const link = (i) => {
      const button = make("button", { type: "button" }, this.film.nodes[i].name);
      button.addEventListener("click", () => this.pick(i));
      return button;
    };
    const inputs = node.inputs.map(link);
    if (inputs.length) parts.push(make("h3", {}, "Made of"), make("div", { class: "links" }, ...inputs));
    const uses = this.film.uses[node.id].slice(0, 200).map((k) => [this.film.edges[k][1], k]);
    if (!uses.length) return parts;
    const rows = uses.map(([to, k]) => this.use(link(to), to, this.film.given[k], count));
    const table = this.sum(["used by", "gradient there", "× local", "= gave"], rows);
    const all = this.film.uses[node.id].length;
    const title = all > 1 ? `Used ${all} times: what each use gave is added up` : "Used once: one amount arrives";
    return [...parts, make("h3", {}, title), table];
  }

  use(link, to, s, count) {
    const done = s >= 0 && s < count;
    const step = this.film.steps[s];
    const texts = ["", "", s < 0 ? "nothing" : "not yet"];
    if (done) {
      const { local: number, localText } = step;
      const local = number === null ? "…" : isArray(number) ? localText : numberText(number);
      texts.splice(0, 3, brief(step.incoming, { digits: 3 }), local, brief(step.contribution, { digits: 3 }));
    }
    const cells = texts.map((text) => make("td", { class: text.length > 16 ? "number long" : "number" }, text));
    return make("tr", { class: done ? "" : "todo" }, make("td", {}, link), ...cells);
  }
}
