// A graph of arrays, both passes: the counterpart of Python's Tensor.

/**
 * Nodes are {row, inputs, collects}: `row` is {y, gx} as `array_row` writes it, or null for a node whose array is given;
 * `collects` says whether it has a gradient. The nodes are in topological order, as in Python, so that gradients
 * are added in the same order.
 */
class ArrayTape {
  constructor(nodes, values) {
    this.nodes = nodes;
    this.values = values;
    this.grads = nodes.map(() => null);
  }

  inputsOf(k) {
    return this.nodes[k].inputs.map((i) => this.values[i]);
  }

  /** Compute the array of each node that an operation made. */
  forward() {
    this.nodes.forEach(({ row }, k) => {
      if (row) this.values[k] = row.y(...this.inputsOf(k));
    });
    return this.values;
  }

  /** What the gradient `gy` of node `k` becomes for its input `n`, before it is summed over broadcast axes. */
  product(k, n, gy) {
    return this.nodes[k].row.gx[n](gy, this.values[k], ...this.inputsOf(k));
  }

  /** What flows from node `k`, whose gradient is `gy`, to its input `n`. */
  flow(k, n, gy) {
    const { shape, dtype } = this.values[this.nodes[k].inputs[n]];
    return np.unbroadcast(this.product(k, n, gy), shape, dtype);
  }

  /**
   * Compute the gradient of each node, from that of the last. `onFlow(k, n, flow, sum)` is told what flowed from node
   * `k` to its input `n`, and what that input's gradient is with it.
   */
  backward(seed, onFlow = null) {
    const { grads, nodes } = this;
    grads.fill(null);
    grads[nodes.length - 1] = seed;
    for (let k = nodes.length - 1; k >= 0; k -= 1) {
      if (!nodes[k].row || grads[k] === null) continue;
      nodes[k].inputs.forEach((input, n) => {
        if (!nodes[input].collects) return;
        const flow = this.flow(k, n, grads[k]);
        grads[input] = grads[input] === null ? flow : np.add(grads[input], flow);
        if (onFlow) onFlow(k, n, flow, grads[input]);
      });
    }
    return grads;
  }
}
