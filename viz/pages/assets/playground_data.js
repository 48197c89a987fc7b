// Sets of points in the plane. Each is made from a description {kind, noise, seed, count}, the same one every time.

/** Uniform and normal numbers from NumPy's generator. */
class Source {
  constructor(seed) {
    this.bits = new np.PCG64(BigInt(seed + 1) * 0x9e3779b97f4a7c15f39cc0605cedc835n & ((1n << 128n) - 1n), 0xda3e39cb94b95bdbn * 2n + 1n);
  }
  uniform(low = 0, high = 1) {
    return low + (high - low) * this.bits.random();
  }
  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

/** For each kind, the point of class `label` at the share `t` of its curve, before noise. */
const SHAPES = {
  moons: (label, t) => (label ? [1 - Math.cos(Math.PI * t), 0.5 - Math.sin(Math.PI * t)] : [Math.cos(Math.PI * t), Math.sin(Math.PI * t)]),
  circles: (label, t) => [Math.cos(2 * Math.PI * t), Math.sin(2 * Math.PI * t)].map((x) => x * (label ? 0.5 : 1)),
  xor: (label, t, source) => {
    const [x, y] = [source.uniform(0.06, 1), source.uniform(0.06, 1)];
    const side = source.uniform() < 0.5 ? 1 : -1;
    return [side * x, side * y * (label ? -1 : 1)];
  },
  spirals: (label, t) => {
    const angle = 1.75 * 2 * Math.PI * t + (label ? Math.PI : 0);
    return [t * Math.sin(angle), t * Math.cos(angle)];
  },
  blobs: (label, t, source) => [(label ? 0.6 : -0.6) + 0.2 * source.normal(), (label ? 0.6 : -0.6) + 0.2 * source.normal()],
};

/** Points of a set: {X: rows, labels}. */
function drawnPoints({ kind, noise, seed, count }, offset = 0) {
  const source = new Source(seed * 2 + offset);
  const X = [];
  const labels = [];
  for (let i = 0; i < count; i += 1) {
    const label = i % 2;
    const half = Math.max(1, Math.floor((count - 1) / 2));
    const [x, y] = SHAPES[kind](label, Math.floor(i / 2) / half, source);
    X.push([x + noise * source.normal(), y + noise * source.normal()]);
    labels.push(label);
  }
  return { X, labels };
}

/** What a net trains on: arrays, the class of each sample, and the same for validation. */
class DataSet {
  constructor(rows, labels, y, validation, form) {
    this.rows = rows;
    this.labels = labels;
    this.X = np.array(rows.flat(), [rows.length, form.inputs]);
    this.y = np.array(y, form.column ? [rows.length, 1] : [rows.length], form.dtype);
    this.validation = validation;
    this.form = form;
  }

  get count() {
    return this.rows.length;
  }

  static own(given) {
    const { form } = given;
    const of = ({ X, y, labels }, validation) => new DataSet(X, labels, y, validation, form);
    return of(given.train, given.validation && given.validation.X.length ? of(given.validation, null) : null);
  }

  static drawn(spec, given) {
    const { form } = given;
    const of = (points, validation) => new DataSet(points.X, points.labels, points.labels.map((k) => form.targets[k]), validation, form);
    const share = given.validation ? given.validation.X.length / given.train.X.length : 0;
    const held = Math.round(spec.count * share);
    return of(drawnPoints(spec), held ? of(drawnPoints({ ...spec, count: held }, 1), null) : null);
  }

  /** The same with a sample moved, or with one more. */
  with(index, row, label) {
    const rows = this.rows.slice();
    const labels = this.labels.slice();
    const y = [...this.y.data];
    rows[index] = row;
    if (index === this.count) {
      labels.push(label);
      y.push(this.form.targets[label]);
    }
    return new DataSet(rows, labels, y, this.validation, this.form);
  }
}
