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
  if (data.values !== undefined) return shape;
  return `${shape}, min ${numberText(data.min)}, mean ${numberText(data.mean)}, max ${numberText(data.max)}`;
}

/** A small array as a grid: `cell` makes the content of an entry from its number and its index. */
function grid(data, caption, cell) {
  const width = data.shape.at(-1) ?? 1;
  const all = entries(data);
  const rows = [];
  for (let at = 0; at < all.length; at += width) {
    const row = all.slice(at, at + width).map((x, j) => cell(x, indexOf(at + j, data.shape)));
    rows.push(make("tr", {}, ...row.map((content) => make("td", { class: "number" }, content))));
  }
  const table = make("table", { "aria-label": caption }, make("tbody", {}, ...rows));
  return make("div", { class: "cells", tabindex: 0, role: "region", "aria-label": caption }, table);
}

/** The index of the entry that is the `flat`-th in order. */
function indexOf(flat, shape) {
  const index = [];
  for (const n of [...shape].reverse()) {
    index.unshift(flat % n);
    flat = Math.floor(flat / n);
  }
  return index;
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
    if (i !== this.shown) this.cell = null;
    this.shown = i;
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
    const progress = node.role === "constant" ? "a constant collects none" : arrived;
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
    if (!film.isLive) return [];
    if (node.fixed) {
      const why = `${node.name} is an operation of your own, in Python, which this page cannot compute: its number and its local derivatives stay as they were recorded.`;
      return [make("p", { class: "unsure" }, why)];
    }
    const frozen = film.numbers.frozen.get(node.id);
    if (frozen !== undefined && node.role !== "operation") {
      const { name } = film.nodes[frozen];
      const why = `Its number stays as it is: ${name} depends on it, and ${name} is an operation of your own, in Python, which this page cannot compute.`;
      return [make("p", { class: "unsure" }, why)];
    }
    if (!film.numbers.canChange(node.id) || !node.collects) return [];
    const box = make("input", { type: "checkbox", id: "takes-part" });
    box.checked = descent.chosen.has(node.id);
    box.addEventListener("change", () => descent.choose(node.id, box.checked));
    return [make("p", { class: "check" }, box, make("label", { for: "takes-part" }, "takes part in a gradient step"))];
  }

  arrays(node, value, gradient, count) {
    const parts = value !== null && node.role === "operation" && node.shape ? this.maps.operation(node) : [];
    const many = (data) => isArray(data) && data.values !== undefined && data.shape.length && entries(data).length;
    if (hasMap(value) && !parts.length) parts.push(this.maps.map(value, "value-map", node.name).element);
    if (hasMap(gradient)) parts.push(this.maps.map(gradient, "gradient-map", `gradient of ${node.name}`).element);
    if ([value, gradient].some((data) => many(data) && entries(data).length > WRITTEN)) return parts;
    if (many(value)) parts.push(make("h3", {}, "Value"), grid(value, `Value of ${node.name}`, (x) => numberText(x)));
    if (!many(gradient)) return parts;
    parts.push(make("h3", {}, "Gradient"));
    const sums = this.why[node.id];
    if (!sums) return [...parts, grid(gradient, `Gradient of ${node.name}`, (x) => numberText(x))];
    const cell = (x, index) => {
      const chosen = this.cell === String(index);
      const button = make("button", { type: "button", "aria-pressed": String(chosen) }, numberText(x));
      button.setAttribute("aria-label", `gradient of ${node.name} at ${index}: ${numberText(x)}`);
      button.addEventListener("click", () => {
        this.cell = chosen ? null : String(index);
        this.show(node.id, count, true);
      });
      return button;
    };
    parts.push(grid(gradient, `Gradient of ${node.name}: choose an entry to see its sum`, cell));
    if (this.cell !== null) parts.push(...this.entries(node, sums[this.cell], count));
    return parts;
  }

  /** The sum that one entry of a gradient is: of each entry that it flows into, the gradient times the derivative. */
  entries(node, { index, gradient, count: all, terms, remainder }, count) {
    const root = this.film.nodes[this.film.root].name;
    const asked = `∂${root}/∂${node.name}${index.length ? `[${index}]` : ""}`;
    const title = make("p", { class: "lens" }, `${asked} = ${numberText(numberOf(gradient))} is the sum of`);
    const rows = terms.map((term) => {
      const done = term.step < count;
      const into = `${this.film.nodes[term.node].name}${term.index.length ? `[${term.index}]` : ""}`;
      const factor = term.factor.startsWith("∂") ? "" : `${term.factor} = `;
      const texts = done
        ? [term.incoming, term.local, term.product].map((x) => numberText(numberOf(x)))
        : ["", "", "not yet"];
      if (done) texts[1] = factor + texts[1];
      const cells = texts.map((text) => make("td", { class: "number" }, text));
      return make("tr", { class: done ? "" : "todo" }, make("td", {}, into), ...cells);
    });
    if (!terms.length) title.append(" nothing: every local derivative on its way is 0");
    const rest = this.rest(Number(all.replaceAll(",", "")) - terms.length, numberOf(remainder), 4);
    return [title, this.sum(["flows into", "gradient there", "× local", "= gives"], [...rows, ...rest])];
  }

  /** The sum over paths that a gradient is, each a product. */
  paths(node, count) {
    const { film } = this;
    const complete = film.arrived(node.id, count) === film.arrivals[node.id].length;
    if (!film.isLive || node.role !== "leaf" || !complete) return [];
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
    const title = all > 1 ? `Used ${all} times: what each use gave` : "Used once";
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
