// The numbers of a graph of arrays, computed here by the rows that were written from Python's own operations.

class LiveArrays {
  /** `nodes`, what is `recorded` of the run in Python, and the steps of the backward pass. */
  constructor(nodes, recorded, backward) {
    this.nodes = nodes;
    this.facts = new Map(backward.map((step, s) => [`${step.node} ${step.position}`, recorded.flows[s]]));
    this.root = this.read(recorded.seed);
    const values = recorded.values.map((x) => x && this.read(x));
    const row = (node, k) => (node.fixed ? this.fixedRow(k, values[k], recorded.jacobians[k]) : arrayRows[recorded.rows[k]] ?? null);
    this.tape = new ArrayTape(nodes.map((node, k) => ({ row: row(node, k), inputs: node.inputs, collects: node.collects })), values);
    this.original = [...values];
    this.frozen = this.findFrozen(recorded.jacobians);
    this.run();
  }

  read({ bytes, shape, dtype }) {
    return np.decoded(bytes, shape, dtype);
  }

  /** A node that keeps its array: its gradient flows on by its local derivatives, or as it was recorded. */
  fixedRow(k, value, jacobians) {
    const gx = this.nodes[k].inputs.map((input, n) => {
      const fact = this.facts.get(`${k} ${n}`);
      if (!fact) return null;
      const given = this.read(fact.contribution);
      if (!jacobians) return () => given;
      const matrix = this.read(jacobians[n]);
      return (gy) => np.reshape(np.matmul(np.reshape(gy, [1, gy.size]), matrix), given.shape);
    });
    return { y: () => value, gx };
  }

  /**
   * The nodes that stay as they are, each with the fixed node that is the reason: what it depends on, and, where its
   * local derivatives are not known, what its own gradient depends on.
   */
  findFrozen(jacobians) {
    const frozen = new Map();
    for (let fixed = this.nodes.length - 1; fixed >= 0; fixed -= 1) {
      if (!this.nodes[fixed].fixed) continue;
      const reached = new Set([fixed]);
      if (!jacobians[fixed]) this.nodes.forEach(({ inputs }, k) => inputs.some((i) => reached.has(i)) && reached.add(k));
      for (let k = this.nodes.length - 1; k >= 0; k -= 1) {
        if (!reached.has(k)) continue;
        for (const i of this.nodes[k].inputs) {
          reached.add(i);
          if (!frozen.has(i)) frozen.set(i, fixed);
        }
      }
    }
    return frozen;
  }

  /** Whether the numbers of node `k` can be changed. */
  canChange(k) {
    const { role, label } = this.nodes[k];
    if (role === "operation" || this.frozen.has(k) || !this.original[k].dtype.startsWith("float")) return false;
    const { size } = this.original[k];
    return role === "leaf" ? size > 0 : size > 1 || label !== "";
  }

  get isChanged() {
    return this.nodes.some(({ role }, k) => role !== "operation" && this.changedEntries(k).length > 0);
  }

  /** Compute both passes again. */
  run() {
    const { tape, nodes } = this;
    tape.forward();
    this.locals = new Map(); // local derivatives, as far as they were asked for
    this.flowed = nodes.map(() => []);
    this.sums = nodes.map(() => []);
    tape.backward(this.root, (k, n, flow, sum) => {
      this.flowed[k][n] = flow;
      this.sums[k][n] = sum;
    });
  }

  value(k) {
    return this.tape.values[k];
  }

  size(k) {
    return this.value(k).size;
  }

  entry(k, i = 0) {
    return this.value(k).data[i];
  }

  originalEntry(k, i = 0) {
    return this.original[k].data[i];
  }

  changedEntries(k) {
    const [now, before] = [this.value(k), this.original[k]];
    const found = [];
    if (now === before) return found;
    for (let i = 0; i < now.size; i += 1) if (!Object.is(now.data[i], before.data[i])) found.push(i);
    return found;
  }

  stepped(k, eta) {
    return np.subtract(this.value(k), np.multiply(this.gradient(k), eta));
  }

  /** Give node `k` another array. */
  change(k, array) {
    this.tape.values[k] = array;
  }

  /** Give the entry in place `i` of node `k` another number; the old array is not changed. */
  changeEntry(k, i, x) {
    const array = this.value(k).copy();
    array.data[i] = x;
    this.tape.values[k] = array;
  }

  /** The gradient of node `k` when both passes are done. */
  gradient(k) {
    return this.tape.grads[k];
  }

  seed() {
    return this.root;
  }

  contribution({ node, position }) {
    return this.flowed[node][position];
  }

  after({ node, position }) {
    return this.sums[node][position];
  }

  /** Whether a step's operation works entry by entry, or from a number to a number: others have matrices. */
  hasLocal({ node, position }) {
    const { fixed, settings, inputs } = this.nodes[node];
    if (fixed) return this.facts.get(`${node} ${position}`).local !== null;
    return settings?.elementwise === true || (this.size(node) === 1 && this.size(inputs[position]) === 1);
  }

  /** The local derivative, null where it is a matrix. */
  local(step) {
    if (!this.hasLocal(step)) return null;
    const { node, position } = step;
    if (this.nodes[node].fixed) return arrayOf(this.facts.get(`${node} ${position}`).local);
    const key = `${node} ${position}`;
    if (this.locals.has(key)) return this.locals.get(key);
    const { shape, dtype } = this.value(node);
    const found = this.tape.product(node, position, np.full(shape, 1, dtype));
    const local = found instanceof np.NDArray ? found : np.full(shape, found, dtype);
    this.locals.set(key, local);
    return local;
  }

  /** What does not depend on the numbers: the axes that are summed, and the shapes in the equation. */
  flow({ node, position }) {
    return this.facts.get(`${node} ${position}`);
  }

  isExact(k, xs) {
    return [...xs, single(this.value(k))].every((x) => sameFigures(asShown(x), x));
  }
}
