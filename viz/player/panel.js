// The words beside the graph: the present step, the inspected node, the table of all steps.

const ROWS = 100; // rows of the table at a time

/** A formula's MathML as elements. It is parsed as XML, in which no label can become HTML. */
function math(formula, attributes = {}) {
  const text = formula.mathml.replace(/^<math(?! xmlns)/, '<math xmlns="http://www.w3.org/1998/Math/MathML"');
  const root = new DOMParser().parseFromString(text, "application/xml").documentElement;
  if (root.localName !== "math") return make("span", attributes, formula.text);
  const element = document.importNode(root, true);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A `<dl>` of the pairs [term, content] whose content is not null. */
function listing(pairs) {
  const shown = pairs.filter(([, content]) => content !== null && content !== undefined && content !== "");
  return make("dl", {}, ...shown.flatMap(([term, content]) => [make("dt", {}, term), make("dd", {}, content)]));
}

/** A number or array in full. */
function full(data) {
  if (data === null) return null;
  if (typeof data === "number" && data !== 0 && Math.abs(data) < 1e-4) return data.toExponential().replaceAll("-", "−");
  if (!isArray(data)) return String(data).replaceAll("-", "−");
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
    const cells = all.slice(at, at + width).map((x, j) => make("td", { class: "number" }, cell(x, indexOf(at + j, data.shape))));
    rows.push(make("tr", {}, ...cells));
  }
  return make("div", { class: "cells", tabindex: 0, role: "region", "aria-label": caption }, make("table", { "aria-label": caption }, make("tbody", {}, ...rows)));
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

class StepPanel {
  constructor(film) {
    this.film = film;
    this.now = document.getElementById("now");
    this.where = document.getElementById("where");
    this.formula = document.getElementById("formula");
    this.sentence = document.getElementById("sentence");
    this.spoken = document.getElementById("spoken");
  }

  /** Show the step that was done last; nothing of it while the learner is `asked` a question about it. */
  show(count, { asked, silent }) {
    const step = this.film.steps[count - 1];
    const pass = !step ? "nothing computed yet" : step.kind === "forward" ? "forward pass" : "backward pass";
    this.where.textContent = `Step ${count} of ${this.film.length} · ${pass}`;
    this.now.className = !step ? "" : step.kind === "forward" ? "forward" : "backward";
    const words = asked ? asked.prompt.text : step ? step.sentence.words : "The leaves have their values.";
    this.sentence.textContent = !step
      ? "The leaves have their values; press → to compute the first operation."
      : asked ? "" : step.sentence.text;
    this.formula.replaceChildren(...(step && !asked ? this.lines(step) : []));
    if (!silent) this.say(`Step ${count}: ${words}`);
  }

  /** Have a screen reader say something. */
  say(text) {
    this.spoken.textContent = text;
  }

  lines(step) {
    const lines = [math(step.equation)];
    if (step.numbers) lines.push(math(step.numbers));
    if (step.kind !== "backward") return lines;
    const { film } = this;
    const name = (i) => film.nodes[i].name;
    const summed = step.summed_axes.length ? `over axis ${step.summed_axes.join(", ")}, along which it was broadcast` : null;
    const number = step.local.value === null || isArray(step.local.value) ? "" : numberText(step.local.value);
    // Of a matrix that nobody writes out, the equation says what there is to say.
    const local = step.local.value === null ? null : [...new Set([step.local.text, number])].filter(Boolean).join(" = ");
    lines.push(
      listing([
        [`arrives at ${name(step.node)}`, brief(step.incoming)],
        ["local derivative", local],
        ["shapes", step.shapes],
        ["summed", summed],
        [`${name(step.input)} had`, step.before === null ? "nothing yet" : brief(step.before)],
        [`${name(step.input)} has now`, brief(step.after)],
      ]),
    );
    return lines;
  }
}

class Inspector {
  /** `pick` is called with a node, `walk` with the steps of a path that is to be lit. */
  constructor(film, { why, audit }, pick, walk) {
    Object.assign(this, { film, why, audit, pick, walk });
    this.element = document.getElementById("inspector");
    this.cell = null;
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
    const progress = node.role === "constant" ? "a constant collects none" : `${film.arrived(i, count)} of ${total} arrived`;
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
      ...this.arrays(node, value, gradient, count),
      ...this.neighbours(node, count),
      ...this.paths(node, count),
    );
  }

  kind(node) {
    const what = node.role === "operation" ? `${node.op}: ${node.name} = ${node.expression.text}` : node.parameter ? "parameter" : node.role;
    return node.root ? `${what} (the result)` : what;
  }

  warnings(node) {
    const warnings = [];
    if (!node.finite) warnings.push(make("p", { class: "warning" }, "⚠ a NaN or an infinity is in its value or gradient"));
    for (const { sentence, verdict } of this.audit[node.id] ?? []) {
      warnings.push(make("p", { class: verdict === "wrong" ? "warning" : "unsure" }, sentence));
    }
    return warnings;
  }

  arrays(node, value, gradient, count) {
    const parts = [];
    const many = (data) => isArray(data) && data.values !== undefined && data.shape.length && entries(data).length;
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
    const title = make("p", { class: "lens" }, `∂${this.film.nodes[this.film.root].name}/∂${node.name}[${index}] = ${numberText(gradient)} is the sum of`);
    const rows = terms.map((term) => {
      const done = term.step < count;
      const into = `${this.film.nodes[term.node].name}${term.index.length ? `[${term.index}]` : ""}`;
      const factor = term.factor.startsWith("∂") ? "" : `${term.factor} = `;
      const texts = done
        ? [numberText(term.incoming), `${factor}${numberText(term.local)}`, numberText(term.product)]
        : ["", "", "not yet"];
      const cells = texts.map((text) => make("td", { class: "number" }, text));
      return make("tr", { class: done ? "" : "todo" }, make("td", {}, into), ...cells);
    });
    if (!terms.length) title.append(" nothing: every local derivative on its way is 0");
    const rest = this.rest(Number(all.replaceAll(",", "")) - terms.length, remainder, 4);
    return [title, this.sum(["flows into", "gradient there", "× local", "= gives"], [...rows, ...rest])];
  }

  /** The sum over paths that a gradient is, each a product. */
  paths(node, count) {
    const sum = this.why[node.id]?.[""];
    const complete = this.film.arrived(node.id, count) === this.film.arrivals[node.id].length;
    if (sum?.kind !== "paths" || !complete || !sum.terms.length) return [];
    const rows = sum.terms.map(({ nodes, steps, factors, product }) => {
      const way = make("button", { type: "button" }, nodes.map((i) => this.film.nodes[i].name).join(" → "));
      way.addEventListener("click", () => this.walk(steps));
      const figures = factors.map((x, k) => (k && String(x).startsWith("-") ? `(${numberText(x)})` : numberText(x)));
      const gives = make("td", { class: "number" }, numberText(product));
      return make("tr", {}, gives, make("td", { class: "way" }, `= ${figures.join(" · ")}`, way));
    });
    const many = sum.count === "1" ? "the only path" : `the sum over ${sum.count} paths`;
    const rest = this.rest(Number(sum.count.replaceAll(",", "")) - sum.terms.length, sum.remainder, 2);
    return [make("h3", {}, `Why: ${many}`), this.sum(["gives", "as the product along the path"], [...rows, ...rest])];
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
    if (node.inputs.length) parts.push(make("h3", {}, "Made of"), make("div", { class: "links" }, ...node.inputs.map(link)));
    const uses = this.film.edges.flatMap(([from, to], k) => (from === node.id ? [[to, k]] : []));
    if (!uses.length) return parts;
    const rows = uses.map(([to, k]) => this.use(link(to), to, this.film.given[k], count));
    const table = this.sum(["used by", "gradient there", "× local", "= gave"], rows);
    return [...parts, make("h3", {}, uses.length > 1 ? `Used ${uses.length} times: what each use gave` : "Used once"), table];
  }

  use(link, to, s, count) {
    const done = s >= 0 && s < count;
    const step = this.film.steps[s];
    const local = done && (step.local.value === null ? "…" : isArray(step.local.value) ? step.local.text : numberText(step.local.value));
    const texts = done ? [brief(step.incoming), local, brief(step.contribution)] : s < 0 ? ["", "", "nothing"] : ["", "", "not yet"];
    return make("tr", { class: done ? "" : "todo" }, make("td", {}, link), ...texts.map((t) => make("td", { class: "number" }, t)));
  }
}

class StepTable {
  constructor(film, seek) {
    this.film = film;
    this.seek = seek;
    this.table = document.getElementById("table");
    this.table.setAttribute("aria-rowcount", film.length + 1);
    this.box = this.table.parentElement;
    this.first = -1;
    this.rows = new Map();
  }

  /** Mark the step that was done last; steps from `secret` on say only whom they are about. */
  show(count, secret) {
    const first = Math.max(0, Math.min(count - 1 - ((count - 1) % ROWS), this.film.length - 1));
    if (first !== this.first || secret !== this.secret) this.build(first, secret);
    this.current?.removeAttribute("aria-current");
    this.current = this.rows.get(count - 1);
    if (!this.current) return;
    this.current.setAttribute("aria-current", "step");
    const [top, height] = [this.current.offsetTop, this.current.offsetHeight];
    const head = 30;
    if (top - head < this.box.scrollTop) this.box.scrollTop = top - head;
    else if (top + height > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + height - this.box.clientHeight;
  }

  build(first, secret) {
    Object.assign(this, { first, secret });
    this.rows.clear();
    const head = make("tr", { "aria-rowindex": 1 }, ...["step", "what happens"].map((t) => make("th", { scope: "col" }, t)));
    const body = make("tbody");
    if (first > 0) body.append(this.jump("Earlier steps", first));
    for (let s = first; s < Math.min(first + ROWS, this.film.length); s += 1) body.append(this.row(s, secret));
    if (first + ROWS < this.film.length) body.append(this.jump("Later steps", first + ROWS + 1));
    this.table.replaceChildren(make("thead", {}, head), body);
  }

  row(s, secret) {
    const step = this.film.steps[s];
    const button = make("button", { type: "button", "aria-label": `Go to step ${s + 1}` }, String(s + 1));
    button.addEventListener("click", () => this.seek(s + 1));
    const text = s < secret ? step.sentence.text : `${this.film.nodes[this.film.target(step)].name} receives …`;
    const row = make("tr", { "aria-rowindex": s + 2, class: step.kind === "forward" ? "forward" : "backward" });
    row.append(make("td", {}, button), make("td", {}, text));
    this.rows.set(s, row);
    return row;
  }

  jump(text, count) {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => this.seek(count));
    return make("tr", {}, make("td", { colspan: 2 }, button));
  }
}
