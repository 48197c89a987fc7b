// The forward and the backward pass of a graph of single numbers, by the derivatives of the object `rows`.

/** What `dot` is: y = w0·x0 + w1·x1 + … + b of the inputs (w0, w1, …, x0, x1, …, b). */
const DOT = {
  forward(values, inputs) {
    const n = (inputs.length - 1) / 2;
    let sum = values[inputs[2 * n]];
    for (let i = 0; i < n; i += 1) sum += values[inputs[i]] * values[inputs[n + i]];
    return sum;
  },
  /** What flows to input `n`. */
  flow(gy, y, values, inputs, n) {
    if (gy === 0 && y - y === 0) return 0; // 0 times finite numbers: nothing flows
    const count = (inputs.length - 1) / 2;
    if (n === 2 * count) return gy;
    return gy * values[inputs[n < count ? n + count : n - count]];
  },
};

/**
 * A graph of numbers. A node is {op, inputs, params}: the row's name ("" for a leaf, "dot" for a weighted sum), the
 * indices of its inputs, and the row's parameters in order. The nodes are in topological order, as in Python, so
 * that gradients are added in the same order and have the same bits.
 */
class Tape {
  constructor(nodes, values) {
    this.nodes = nodes;
    this.values = Float64Array.from(values);
    this.grads = new Float64Array(nodes.length);
  }

  /** Compute the value of each node that an operation made. */
  forward() {
    const { values } = this;
    this.nodes.forEach(({ op, inputs, params = [] }, k) => {
      if (op === "dot") values[k] = DOT.forward(values, inputs);
      else if (op && inputs.length === 1) values[k] = rows[op].y(values[inputs[0]], ...params);
      else if (op) values[k] = rows[op].y(values[inputs[0]], values[inputs[1]], ...params);
    });
    return values;
  }

  /** What flows from node `k`, whose gradient is `gy`, to its input `n`. */
  flow(k, n, gy) {
    const { values } = this;
    const { op, inputs, params = [] } = this.nodes[k];
    if (op === "dot") return DOT.flow(gy, values[k], values, inputs, n);
    return rows[op].gx[n](gy, values[k], ...inputs.map((i) => values[i]), ...params);
  }

  /**
   * Compute the gradient of each node, from that of the last. `onFlow(k, n, flow, sum)` is told what flowed from node `k`
   * to its input `n`, and what that input's gradient is with it.
   */
  backward(seed = 1, onFlow = null) {
    const { grads } = this;
    grads.fill(0);
    grads[grads.length - 1] = seed;
    for (let k = this.nodes.length - 1; k >= 0; k -= 1) {
      const { op, inputs } = this.nodes[k];
      if (!op) continue;
      for (let n = 0; n < inputs.length; n += 1) {
        const flow = this.flow(k, n, grads[k]);
        grads[inputs[n]] += flow;
        if (onFlow) onFlow(k, n, flow, grads[inputs[n]]);
      }
    }
    return grads;
  }
}
