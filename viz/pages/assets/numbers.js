// Where the numbers of the steps come from: the page computes them, or Python has recorded them.

/** The numbers of a graph of single numbers, computed here by the rows of the operation table. */
class LiveNumbers {
  /** `nodes` and the numbers of the `recorded` run; `steps` are those of the backward pass. */
  constructor(nodes, { values, locals }) {
    this.nodes = nodes;
    this.original = values.map(numberOf);
    const ops = nodes.map((node, k) => this.operation(node, k, locals));
    this.tape = new Tape(nodes.map((node, k) => ({ op: ops[k], inputs: node.inputs, params: node.params })), this.original);
    this.frozen = this.findFrozen();
    this.run();
  }

  /** The row of a node; a node that the page cannot compute keeps its number and its local derivatives. */
  operation(node, k, locals) {
    if (!node.fixed) return node.op;
    const name = `fixed ${k}`;
    const value = this.original[k];
    const gx = node.inputs.map((_, n) => {
      const local = numberOf(locals[`${k} ${n}`] ?? 0);
      return (gy) => gy * local;
    });
    rows[name] = { y: () => value, gx };
    return name;
  }

  /** The nodes that a node of the user's own Python depends on, each with that node: they stay as they are. */
  findFrozen() {
    const frozen = new Map();
    for (let k = this.nodes.length - 1; k >= 0; k -= 1) {
      const { fixed, inputs } = this.nodes[k];
      if (fixed || frozen.has(k)) for (const i of inputs) if (!frozen.has(i)) frozen.set(i, fixed ? k : frozen.get(k));
    }
    return frozen;
  }

  /** Whether the number of node `k` can be changed. */
  canChange(k) {
    const { role, label } = this.nodes[k];
    return !this.frozen.has(k) && (role === "leaf" || (role === "constant" && label !== ""));
  }

  /** Whether a number is not the original one. */
  get isChanged() {
    return this.nodes.some(({ role }, k) => role !== "operation" && this.changedEntries(k).length > 0);
  }

  /** How many numbers node `k` holds. */
  size() {
    return 1;
  }

  /** The number of node `k`: of an array, that in place `i`. */
  entry(k) {
    return this.tape.values[k];
  }

  originalEntry(k) {
    return this.original[k];
  }

  /** The places of the numbers of node `k` that are not the original ones. */
  changedEntries(k) {
    return Object.is(this.original[k], this.tape.values[k]) ? [] : [0];
  }

  /** What leaf `k` becomes by a gradient step. */
  stepped(k, eta) {
    return this.value(k) - eta * this.gradient(k);
  }

  /** Compute both passes again. */
  run() {
    const { tape, nodes } = this;
    tape.forward();
    this.flowed = nodes.map(({ inputs }) => new Float64Array(inputs.length));
    this.sums = nodes.map(({ inputs }) => new Float64Array(inputs.length));
    tape.backward(1, (k, n, flow, sum) => {
      this.flowed[k][n] = flow;
      this.sums[k][n] = sum;
    });
  }

  value(k) {
    return this.tape.values[k];
  }

  /** Give node `k` another value. */
  change(k, x) {
    this.tape.values[k] = x;
  }

  /** Give the number of node `k` that is in place `i` another value. */
  changeEntry(k, i, x) {
    this.tape.values[k] = x;
  }

  /** The gradient of node `k` when both passes are done. */
  gradient(k) {
    return this.tape.grads[k];
  }

  seed() {
    return 1;
  }

  contribution({ node, position }) {
    return this.flowed[node][position];
  }

  after({ node, position }) {
    return this.sums[node][position];
  }

  local({ node, position }) {
    return this.tape.flow(node, position, 1);
  }

  /** Whether the local derivative of a step is a number, or one for each entry. */
  hasLocal() {
    return true;
  }

  /** Whether the equation in figures of node `k` is true as it is shown. */
  isExact(k, xs) {
    const { op, params = [] } = this.tape.nodes[k];
    if (this.nodes[k].fixed) return [...xs, this.value(k)].every((x) => sameFigures(asShown(x), x));
    const shown = xs.map(asShown);
    const y = op === "dot" ? DOT.forward(shown, [...shown.keys()]) : rows[op].y(...shown, ...params);
    return sameFigures(y, asShown(this.value(k)));
  }
}

/** The numbers of a graph of arrays, as Python computed them. */
class RecordedNumbers {
  constructor(nodes, { values, seed, flows }, backward) {
    this.nodes = nodes;
    this.values = values.map(arrayOf);
    this.root = arrayOf(seed);
    this.frozen = new Map();
    this.flows = new Map(backward.map((step, s) => [`${step.node} ${step.position}`, flows[s]]));
    for (const flow of flows) for (const key of ["local", "contribution", "after"]) flow[key] = arrayOf(flow[key]);
    this.totals = new Map([[nodes.length - 1, this.root]]);
    backward.forEach((step, s) => this.totals.set(step.input, flows[s].after));
  }

  canChange() {
    return false;
  }

  value(k) {
    return this.values[k];
  }

  gradient(k) {
    return this.totals.get(k) ?? null;
  }

  seed() {
    return this.root;
  }

  flow({ node, position }) {
    return this.flows.get(`${node} ${position}`);
  }

  contribution(step) {
    return this.flow(step).contribution;
  }

  after(step) {
    return this.flow(step).after;
  }

  local(step) {
    return this.flow(step).local;
  }

  hasLocal(step) {
    return this.local(step) !== null;
  }

  isExact(k, xs) {
    return [...xs, single(this.value(k))].every((x) => sameFigures(asShown(x), x));
  }
}
