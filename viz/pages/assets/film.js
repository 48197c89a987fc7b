// What is known after each step: the graph and its steps, indexed so that any moment can be shown at once.

/** A step of the forward or the backward pass. Its numbers and formulas are those of the present values. */
class Step {
  constructor(film, index, kind, node, position, input) {
    Object.assign(this, { film, index, kind, node, position, input });
  }

  /** A node by what the step calls it: y, x0, x1, … or root. */
  at(place) {
    return this.film.nodes[this.id(place)];
  }

  id(place) {
    if (place === "y") return this.node;
    return place === "root" ? this.film.root : this.film.nodes[this.node].inputs[Number(place.slice(1))];
  }

  /** A number by what the templates call it. */
  number(source) {
    return single(source.startsWith("v:") ? this.film.numbers.value(this.id(source.slice(2))) : this[source]);
  }

  /** Whether the equation is true as it is shown: for the inputs in figures, or for the result. */
  isExact(what) {
    const xs = this.film.nodes[this.node].inputs.map((i) => single(this.film.numbers.value(i)));
    if (what === "inserted") return xs.every((x) => sameFigures(asShown(x), x));
    if (this.kind === "forward") return this.film.numbers.isExact(this.node, xs);
    const [incoming, local, product] = ["incoming", "local", "contribution"].map((name) => asShown(this.number(name)));
    return sameFigures(incoming * local, product);
  }

  /** The templates for the present values. */
  get form() {
    const forms = this.film.forms.steps[this.index];
    if (forms.length === 1) return this.film.forms.forms[forms[0]];
    const bits = this.film.nodes[this.node].inputs.map((i, n) => (hasNoZero(this.film.numbers.value(i)) ? 2 ** n : 0));
    return this.film.forms.forms[forms[bits.reduce((x, y) => x + y)]];
  }

  written(place, form) {
    const template = this.form[place];
    return template < 0 ? null : fill(this.film.forms.templates[template], form, this);
  }

  get equation() {
    return this.written(0, "mathml");
  }

  get numbers() {
    return this.written(1, "mathml");
  }

  get sentence() {
    return this.written(2, "text");
  }

  get words() {
    return this.written(3, "words");
  }

  /** The local derivative in names. */
  get localText() {
    return this.kind === "backward" ? this.written(4, "text") : null;
  }

  get incoming() {
    return this.film.numbers.gradient(this.node);
  }

  get local() {
    return this.film.numbers.local(this);
  }

  get contribution() {
    return this.film.numbers.contribution(this);
  }

  /** The input's gradient before the step; null where nothing had arrived. */
  get before() {
    const steps = this.film.arrivals[this.input];
    const place = steps.indexOf(this.index);
    return place > 0 ? this.film.steps[steps[place - 1]].after : null;
  }

  get after() {
    return this.kind === "seed" ? this.film.numbers.seed() : this.film.numbers.after(this);
  }

  get summed() {
    return this.film.numbers.flow?.(this).summed ?? [];
  }

  get shapes() {
    return this.film.numbers.flow?.(this).shapes ?? null;
  }
}

class Film {
  constructor({ kind, nodes, root, forms, recorded }) {
    const empty = { label: "", op: "", symbol: "", inputs: [], module: [], source: null, shape: kind === "Tensor" ? [] : null };
    this.nodes = nodes.map((node, id) => ({ ...empty, ...node, id, root: id === root }));
    this.root = root;
    this.kind = kind;
    this.forms = forms;
    this.edges = this.nodes.flatMap((node) => node.inputs.map((from, position) => [from, node.id, position]));
    this.edgeAt = new Map(this.edges.map(([, to, position], k) => [`${to} ${position}`, k]));
    this.steps = this.listSteps();
    this.length = this.steps.length;
    this.index();
    this.isScalar = kind === "Value";
    this.isLive = this.isScalar || recorded.rows !== undefined; // whether the page computes the numbers itself
    this.numbers = this.numbersOf(recorded, this.steps.slice(this.seed + 1));
  }

  numbersOf(recorded, backward) {
    if (this.isScalar) return new LiveNumbers(this.nodes, recorded);
    return new (this.isLive ? LiveArrays : RecordedNumbers)(this.nodes, recorded, backward);
  }

  /** The forward steps, the seed, and a backward step for each edge along which a gradient flows. */
  listSteps() {
    const operations = this.nodes.filter((node) => node.role === "operation");
    const steps = [];
    const add = (...what) => steps.push(new Step(this, steps.length, ...what));
    for (const node of operations) add("forward", node.id);
    this.seed = steps.length;
    add("seed", this.root);
    for (const node of operations.reverse()) {
      node.inputs.forEach((input, position) => this.nodes[input].collects && add("backward", node.id, position, input));
    }
    return steps;
  }

  index() {
    this.made = this.nodes.map(() => -1); // the step that computes a node
    this.arrivals = this.nodes.map(() => []); // the steps that change a node's gradient
    this.given = this.edges.map(() => -1); // the step in which a gradient flows along an edge
    this.uses = this.nodes.map(() => []); // the edges that lead from a node
    this.edges.forEach(([from], k) => this.uses[from].push(k));
    this.steps.forEach((step, s) => {
      if (step.kind === "forward") this.made[step.node] = s;
      else if (step.kind === "seed") this.arrivals[step.node].push(s);
      else {
        this.arrivals[step.input].push(s);
        this.given[this.edgeOf(step)] = s;
      }
    });
  }

  edgeOf(step) {
    return this.edgeAt.get(`${step.node} ${step.position}`);
  }

  /** The node whose number a step changes. */
  target(step) {
    return step.kind === "backward" ? step.input : step.node;
  }

  /** What computes node `i`, in names; null of a leaf. */
  expression(i) {
    return this.made[i] < 0 ? null : this.steps[this.made[i]].written(4, "text");
  }

  /** The value of node `i` once `count` steps are done, or null. */
  value(i, count) {
    return this.made[i] < count ? this.numbers.value(i) : null;
  }

  /** How many of the gradients that flow to node `i` have arrived. */
  arrived(i, count) {
    const steps = this.arrivals[i];
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle] < count) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  gradient(i, count) {
    const arrived = this.arrived(i, count);
    return arrived ? this.steps[this.arrivals[i][arrived - 1]].after : null;
  }

  /** The first node with a NaN or an infinity, in the order of the forward pass; -1 if there is none. */
  firstOdd() {
    return this.nodes.findIndex((_, i) => odd(this.numbers.value(i)));
  }
}
