// What is known after each step: the trace, indexed so that any moment can be shown at once.

/** A number as every view writes it: four significant digits, whole numbers below a million in full. */
function numberText(x, digits = 4) {
  if (typeof x !== "number") return String(x).replace("-", "−");
  const size = Math.abs(x);
  let text;
  if (size === 0) text = "0";
  else if (size < 1e6 && (size >= 10 ** digits - 0.5 || Number.isInteger(x))) text = x.toFixed(0);
  else if (size >= 1e-4 && size < 1e6) text = String(Number(x.toPrecision(digits)));
  else {
    const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
    text = `${Number(mantissa)}e${Number(exponent)}`;
  }
  return text.replaceAll("-", "−");
}

const isArray = (data) => data !== null && typeof data === "object";

/** The entries of a small array in order, or null for a large one. */
const entries = (data) => (data.values === undefined ? null : [data.values].flat(Infinity));

/** A number or an array in a few characters; of a larger array its shape, if wanted, and its range. */
function brief(data, { shape = true, digits = 4 } = {}) {
  if (data === null) return null;
  const short = (x) => numberText(x, digits);
  if (!isArray(data)) return numberText(data);
  const all = entries(data);
  if (all && all.length <= 3) return data.shape.length ? `[${all.map(short).join(", ")}]` : short(all[0]);
  const size = data.shape.join("×");
  if (!all && odd(data)) return `${size} ${[data.min, data.mean, data.max].find((x) => typeof x === "string")}`;
  const other = all?.find((x) => typeof x === "string");
  if (other) return `${size} ${other}`;
  if (all && (!all.length || typeof all[0] !== "number")) return size; // empty, or true and false
  const [low, high] = all ? [Math.min(...all), Math.max(...all)] : [data.min, data.max];
  const range = low === high ? short(low) : `${short(low)}…${short(high)}`;
  return shape ? `${size} ${range}` : range;
}

/** Whether a NaN or an infinity is in it. */
function odd(data) {
  if (!isArray(data)) return typeof data === "string";
  return (entries(data) ?? [data.min, data.mean, data.max]).some((x) => typeof x === "string");
}

class Film {
  constructor(trace) {
    this.nodes = trace.nodes;
    this.steps = trace.steps;
    this.root = trace.root;
    this.length = trace.steps.length;
    this.seed = trace.forward;
    this.edges = trace.nodes.flatMap((node) => node.inputs.map((from, position) => [from, node.id, position]));
    this.edgeAt = new Map(this.edges.map(([, to, position], k) => [`${to} ${position}`, k]));
    this.made = trace.nodes.map(() => -1); // the step that computes a node
    this.arrivals = trace.nodes.map(() => []); // the steps that change a node's gradient
    this.given = this.edges.map(() => -1); // the step in which a gradient flows along an edge
    trace.steps.forEach((step, s) => {
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

  /** The value of node `i` once `count` steps are done, or null. */
  value(i, count) {
    return this.made[i] < count ? this.nodes[i].value : null;
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
}
