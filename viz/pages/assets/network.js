// The network view: neurons as circles in columns, wires by sign and size.

const RADIUS = 24;
const ROW = 66;

/** A number in a circle: with three digits, or as many as there is room for. */
function short(x) {
  const text = numberText(x, 3);
  return text.length <= 6 ? text : numberText(x, 2);
}

class NetworkView {
  constructor({ samples, columns, wires }, film, pick) {
    Object.assign(this, { samples, columns, film, pick, isOn: false, sample: 0 });
    this.svg = document.getElementById("net");
    this.bar = document.getElementById("wires");
    this.shows = document.getElementById("shows");
    const rows = Math.max(...columns.map(({ neurons }) => neurons.length));
    const { width, height } = this.svg.parentElement.getBoundingClientRect();
    const high = rows * ROW + 60;
    const filling = (high * (width || 1)) / (Math.max(height - 50, 1) * columns.length); // as wide as the stage
    this.step = Math.min(Math.max(190, (1.5 * rows * ROW) / columns.length), Math.max(110, filling));
    this.svg.setAttribute("viewBox", `0 0 ${columns.length * this.step} ${high}`);
    this.middle = 30 + (rows * ROW) / 2;
    this.drawWires(wires);
    this.drawNeurons();
    this.shows.addEventListener("change", () => this.show(this.known));
    this.parts = this.listParts();
    this.chooser = document.getElementById("sample");
    this.chooser.max = samples - 1;
    this.chooser.closest("label").hidden = samples < 2;
    this.chooser.addEventListener("input", () => {
      this.choose(Number(this.chooser.value) || 0);
      this.onsample?.(this.sample);
    });
  }

  /** For each node that neurons are made of: the neurons, and the sample, null if it is in all of them. */
  listParts() {
    const parts = new Map();
    let n = 0;
    for (const column of this.columns) {
      const numbers = column.neurons.map((_, i) => n + i);
      for (const node of column.parts ?? []) parts.set(node, { neurons: numbers, sample: null });
      column.neurons.forEach((neuron, i) => neuron.parts?.forEach((nodes, sample) => {
        for (const node of nodes) parts.set(node, { neurons: [n + i], sample: parts.has(node) ? null : sample });
      }));
      n += numbers.length;
    }
    return parts;
  }

  /** Show this sample. */
  choose(sample) {
    this.sample = Math.max(0, Math.min(this.samples - 1, Math.round(sample)));
    if (document.activeElement !== this.chooser) this.chooser.value = this.sample;
    this.show(this.known);
  }

  /** Go to the sample that a step is about, if it is about one. */
  follow(step) {
    const sample = step && this.parts.get(this.film.target(step))?.sample;
    if (typeof sample !== "number" || sample === this.sample) return;
    this.choose(sample);
    if (this.isOn) this.onsample?.(sample);
  }

  at(column, i) {
    const { neurons } = this.columns[column];
    return [(column + 0.5) * this.step, this.middle + (i - (neurons.length - 1) / 2) * ROW];
  }

  drawWires(wires) {
    this.wires = wires.map(([column, from, to, weight]) => {
      const [[x0, y0], [x1, y1]] = [this.at(column, from), this.at(column + 1, to)];
      const half = (x1 - x0) / 2;
      const d = `M${x0 + RADIUS} ${y0}C${x0 + half} ${y0} ${x1 - half} ${y1} ${x1 - RADIUS} ${y1}`;
      const said = make("title");
      const path = make("path", { class: "wire", d }, said);
      path.addEventListener("click", () => this.pick(this.node(weight), weight.offset));
      this.svg.append(path);
      return { path, said, weight, input: this.columns[column].neurons[from] };
    });
  }

  drawNeurons() {
    this.neurons = this.columns.flatMap(({ title, neurons, out }, column) => {
      const [x, top] = this.at(column, 0);
      this.svg.append(make("text", { class: "column", x, y: top - RADIUS - 12, "text-anchor": "middle" }, title));
      if (out) {
        const [, low] = this.at(column, neurons.length - 1);
        this.svg.append(make("text", { class: "column", x, y: low + RADIUS + 18, "text-anchor": "middle" }, `and ${out} more`));
      }
      return neurons.map((neuron, i) => {
        const [cx, cy] = this.at(column, i);
        const circle = make("circle", { cx, cy, r: RADIUS });
        const text = make("text", { x: cx, y: cy + 4, "text-anchor": "middle" });
        const g = make("g", { class: "neuron", role: "button", tabindex: 0 }, circle, text);
        g.addEventListener("click", () => this.pick(this.node(neuron)));
        this.svg.append(g);
        return { g, circle, text, neuron };
      });
    });
  }

  toggle() {
    this.isOn = !this.isOn;
    this.svg.toggleAttribute("hidden", !this.isOn);
    document.getElementById("graph").toggleAttribute("hidden", this.isOn);
    this.bar.hidden = !this.isOn;
    for (const part of document.querySelectorAll(".zoom, #legend")) part.hidden = this.isOn;
  }

  /** The node that a reference is about. */
  node(reference) {
    return reference.nodes ? reference.nodes[this.sample] : reference.node;
  }

  /** A number by its reference, in what `of` gives of its node; null where it is not known. */
  number(reference, of) {
    const data = of(this.node(reference));
    if (data === null || !isArray(data)) return data;
    return entries(data)?.[reference.offset + reference.step * this.sample] ?? null;
  }

  /** Show the moment at which `known` steps are done. */
  show(known) {
    this.known = known;
    if (!this.isOn) return;
    const { film } = this;
    const value = (k) => film.value(k, known);
    const gradient = (k) => film.gradient(k, known);
    const lit = film.steps[known - 1];
    const part = lit && this.parts.get(film.target(lit));
    const isPart = part && (part.sample === null || part.sample === this.sample);
    const isLit = (neuron, i) => Boolean(lit) && (film.target(lit) === this.node(neuron) || (isPart && part.neurons.includes(i)));
    const activations = this.neurons.map(({ neuron }) => this.number(neuron, value));
    const most = Math.max(...activations.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)));
    this.neurons.forEach(({ g, circle, text, neuron }, i) => {
      const x = activations[i];
      const dx = this.number(neuron, gradient);
      circle.setAttribute("class", x === null ? "cell" : shade(x, most, "v"));
      text.textContent = x === null ? "·" : short(x);
      g.classList.toggle("lit", isLit(neuron, i));
      const said = x === null ? "not computed yet" : `value ${numberText(x)}`;
      g.setAttribute("aria-label", `${neuron.name}, ${said}${dx === null ? "" : `, gradient ${numberText(dx)}`}`);
    });
    this.showWires(value, gradient, lit);
  }

  showWires(value, gradient, lit) {
    const { film, shows } = this;
    const numbers = this.wires.map(({ weight, input }) => {
      const w = this.number(weight, value);
      if (shows.value === "weight") return w;
      if (shows.value === "gradient") return this.number(weight, gradient);
      const x = this.number(input, value);
      return x === null || w === null ? null : w * x;
    });
    const most = Math.max(...numbers.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0))) || 1;
    this.wires.forEach(({ path, said, weight, input }, i) => {
      const x = numbers[i];
      const sign = x === null || x === 0 ? "" : x > 0 ? " positive" : " negative";
      const isLit = lit && film.target(lit) === this.node(weight);
      path.setAttribute("class", `wire${sign}${isLit ? " lit" : ""}`);
      path.setAttribute("stroke-width", (0.6 + 6 * Math.min(1, Math.abs(x ?? 0) / most)).toFixed(2));
      const name = weight.nodes ? film.nodes[this.node(weight)].name : `${film.nodes[weight.node].name}[${indexOf(weight.offset, film.nodes[weight.node].shape)}]`;
      said.textContent = `${name} from ${input.name}: ${shows.value} ${x === null ? "not known yet" : numberText(x)}`;
    });
  }
}
