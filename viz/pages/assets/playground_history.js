// The runs of a net and where we are in them. Every step can be returned to exactly: the state is kept every few steps,
// and the steps between are run again. A change at an earlier step begins a new run.

const KEPT = 400; // states of a run at most, and
const NUMBERS = 8e6; // numbers in them at most; then every second one goes

/** A stretch of steps: from `from` on it is the run's own, before that its parent's. */
class Run {
  constructor(number, parent, from) {
    this.number = number;
    this.parent = parent;
    this.from = from;
    this.end = from;
    this.changes = []; // [step, change]
    this.train = []; // loss of the batch of each step, by the step
    this.validation = [];
    this.kept = new Map();
    this.every = 10;
  }

  keep(moment) {
    this.kept.set(moment.step, moment.copy());
    if (this.kept.size <= Math.max(8, Math.min(KEPT, NUMBERS / moment.size))) return;
    this.every *= 2;
    const changed = new Set([this.from, ...this.changes.map(([step]) => step)]);
    for (const step of this.kept.keys()) if (step % this.every && !changed.has(step)) this.kept.delete(step);
  }

  /** The run to which a step of this one belongs. */
  at(step) {
    return this.parent && step < this.from ? this.parent.at(step) : this;
  }

  /** What a step says of `series`, also before the run began. */
  value(series, step) {
    return this.at(step)[series][step];
  }

  /** All changes up to `step`, those of the parents first. */
  path(step) {
    const own = this.changes.filter(([at]) => at <= step);
    return this.parent ? [...this.parent.path(this.from), ...own] : own;
  }
}

/** All that a step needs and changes. */
class Moment {
  constructor(state, data) {
    this.step = 0;
    this.state = state;
    this.data = data;
    this.batch = 0; // samples of a step; 0 for all
    this.hidden = new Map(); // "layer:unit" -> the weights that lead on from it
    this.order = null; // of samples in batches
  }

  /** How many numbers its state has. */
  get size() {
    return Object.values(this.state).reduce((sum, x) => sum + (x?.data?.length ?? 1), 0);
  }

  copy() {
    const other = new Moment(np.copyState(this.state), this.data);
    other.step = this.step;
    other.batch = this.batch;
    other.hidden = new Map(this.hidden);
    other.order = this.order && { ...this.order, source: this.order.source.copy() };
    return other;
  }

  /** The samples of the next step. */
  samples() {
    const { data, batch } = this;
    if (!batch || batch >= data.count) return [data.X, data.y];
    if (!this.order || this.order.indices.length !== data.count || this.order.next >= data.count) this.shuffle();
    const chosen = this.order.indices.slice(this.order.next, this.order.next + batch);
    this.order.next += batch;
    const index = [np.array(chosen, [chosen.length], "int64")];
    return [np.getitem(data.X, index), np.getitem(data.y, index)];
  }

  shuffle() {
    const source = this.order?.source ?? new Source(99).bits;
    const indices = Array.from({ length: this.data.count }, (_, i) => i);
    for (let i = indices.length - 1; i > 0; i -= 1) {
      const j = Math.floor(source.random() * (i + 1));
      [indices[i], indices[j]] = [indices[j], indices[i]];
    }
    this.order = { source, indices, next: 0 };
  }
}

class History {
  /** `program` has initialState, step, evaluate, look; `layers` names the weights; `makeData` makes a set from its description. */
  constructor({ program, layers, parameters, makeData, seed = 0, spec }) {
    Object.assign(this, { program, layers, makeData, seed });
    this.now = new Moment(seeded(program.initialState(), parameters, seed), makeData(spec));
    this.runs = [new Run(0, null, 0)];
    [this.run] = this.runs;
    this.run.keep(this.now);
  }

  get isAtEnd() {
    return this.now.step === this.run.end;
  }

  /** One training step. */
  advance() {
    const { now, run } = this;
    const loss = this.program.step(now.state, ...now.samples());
    this.silence();
    const owner = run.at(now.step);
    owner.train[now.step] = loss;
    now.step += 1;
    if (now.step > run.end) run.end = now.step;
    if (now.step % owner.every === 0 && !run.at(now.step).kept.has(now.step)) run.at(now.step).keep(now);
    return loss;
  }

  /** Loss and outputs on the validation samples, or on all samples where there are none. */
  measure() {
    const { now } = this;
    const data = now.data.validation ?? now.data;
    const [loss, outputs] = this.program.evaluate(now.state, data.X, data.y);
    if (now.data.validation) this.run.at(now.step).validation[now.step] = loss;
    return { loss, outputs, data };
  }

  /** Go to a step of a run, exactly as it was. */
  seek(step, run = this.run) {
    const target = Math.max(0, Math.min(step, run.end));
    this.run = run;
    const owner = run.at(target);
    const nearest = Math.max(...[...owner.kept.keys()].filter((at) => at <= target));
    this.now = owner.kept.get(nearest).copy();
    while (this.now.step < target) this.advance();
  }

  /** Make a change here. Where the run went on without it, a new run begins. */
  change(change) {
    if (!this.isAtEnd) this.fork();
    const { run, now } = this;
    const last = run.changes.at(-1);
    const same = last && last[0] === now.step && sameTarget(last[1], change);
    if (same) last[1] = change;
    else run.changes.push([now.step, change]);
    this.apply(change);
    run.keep(now);
  }

  fork() {
    const run = new Run(this.runs.length, this.run.at(this.now.step), this.now.step);
    this.runs.push(run);
    this.run = run;
    run.keep(this.now);
  }

  apply(change) {
    const { now } = this;
    const { kind } = change;
    if (kind === "setting") now.state[change.name] = change.value;
    else if (kind === "weight") now.state[change.name].data[change.index] = change.value;
    else if (kind === "hide") this.hide(change);
    else if (kind === "batch") now.batch = change.value;
    else if (kind === "data") [now.data, now.order] = [this.makeData(change.spec), null];
    else if (kind === "point") now.data = now.data.with(change.index, change.row, change.label);
    this.silence();
  }

  // --- hidden units: the weights that lead on from them are held at 0

  hide({ layer, unit, value }) {
    const key = `${layer}:${unit}`;
    const next = this.layers[layer + 1];
    const weights = this.now.state[next.weight].data;
    const row = unit * next.units;
    if (value) this.now.hidden.set(key, Array.from(weights.subarray(row, row + next.units)));
    else {
      weights.set(this.now.hidden.get(key) ?? [], row);
      this.now.hidden.delete(key);
    }
  }

  silence() {
    for (const key of this.now.hidden.keys()) {
      const [layer, unit] = key.split(":").map(Number);
      const next = this.layers[layer + 1];
      this.now.state[next.weight].data.fill(0, unit * next.units, (unit + 1) * next.units);
    }
  }
}

/** Whether two changes are of the same thing, so that the later replaces the earlier at the same step. */
function sameTarget(a, b) {
  const target = ({ kind, name, index, layer, unit }) => [kind, name, index, layer, unit].join();
  return target(a) === target(b);
}

/** The state with each parameter's own numbers in another order: of the same distribution, whatever that was. */
function seeded(state, parameters, seed) {
  if (!seed) return state;
  const source = new Source(seed);
  for (const name of parameters) {
    const { data } = state[name];
    for (let i = data.length - 1; i > 0; i -= 1) {
      const j = Math.floor(source.uniform() * (i + 1));
      [data[i], data[j]] = [data[j], data[i]];
    }
  }
  return state;
}

/** What a change is, in words. */
function changeText(change, before) {
  const { kind } = change;
  if (kind === "setting") return `${settingName(change.name)} ${before === undefined ? "" : `${numberText(before)} → `}${numberText(change.value)}`;
  if (kind === "weight") return `${change.label ?? change.name} = ${numberText(change.value)}`;
  if (kind === "hide") return `unit ${change.unit + 1} of layer ${change.layer + 1} ${change.value ? "hidden" : "shown"}`;
  if (kind === "batch") return `batch of ${change.value || "all"}`;
  if (kind === "data") return `data: ${change.spec.kind}`;
  return change.isNew ? "a point added" : "a point moved";
}

const SETTING_NAMES = { lr: "learning rate", weight_decay: "weight decay", beta1: "β₁", beta2: "β₂", eps: "ε", alpha: "α", lr_decay: "rate decay" };
const settingName = (name) => SETTING_NAMES[name] ?? name.replaceAll("_", " ");
