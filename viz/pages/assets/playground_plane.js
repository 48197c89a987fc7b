// The plane of the data: the net's answer at each point, and the samples, which can be moved and added.

const CELLS = 60; // of the net's answers, along each side
const NEAR = 11; // pixels from a sample

class PlaneView {
  constructor(root, colours, given, on) {
    this.root = root;
    this.colours = colours;
    this.given = given;
    this.on = on; // onmove, onadd, onpick
    this.field = root.querySelector("#field");
    this.points = root.querySelector("#points");
    this.cells = document.createElement("canvas");
    this.cells.width = this.cells.height = CELLS;
    this.picture = new ImageData(CELLS, CELLS);
    this.pixels = new Uint32Array(this.picture.data.buffer);
    this.plane = given.planes[0];
    this.picked = -1;
    this.pointer();
  }

  /** The part of the plane that is shown, with a margin around the samples. */
  fit(data) {
    this.data = data;
    const all = [...data.rows, ...(data.validation?.rows ?? [])].map((row) => this.flat(row));
    const [low, high] = [Math.min, Math.max].map((f) => [0, 1].map((i) => f(...all.map((p) => p[i]))));
    const middle = low.map((x, i) => (x + high[i]) / 2);
    const reach = Math.max(high[0] - low[0], high[1] - low[1], 1e-9) * 0.58;
    this.low = middle.map((x) => x - reach);
    this.span = 2 * reach;
    this.makeGrid();
  }

  /** A sample's place in the plane. */
  flat(row) {
    const { mean, axes } = this.plane;
    return axes.map((axis) => axis.reduce((sum, a, i) => sum + a * (row[i] - mean[i]), 0));
  }

  /** The sample at a place of the plane; what is outside of it is taken from `row`. */
  deep(place, row = this.plane.mean) {
    const { axes } = this.plane;
    const now = this.flat(row);
    return row.map((x, i) => x + axes.reduce((sum, axis, k) => sum + axis[i] * (place[k] - now[k]), 0));
  }

  makeGrid() {
    const rows = [];
    for (let i = 0; i < CELLS; i += 1) {
      for (let j = 0; j < CELLS; j += 1) {
        const x = this.low[0] + (this.span * (j + 0.5)) / CELLS;
        const y = this.low[1] + this.span * (1 - (i + 0.5) / CELLS);
        rows.push(...this.deep([x, y]));
      }
    }
    this.grid = np.array(rows, [CELLS * CELLS, this.given.form.inputs]);
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const side = Math.round(this.field.clientWidth * ratio);
    for (const canvas of [this.field, this.points]) if (canvas.width !== side) canvas.width = canvas.height = side;
    this.ratio = ratio;
  }

  /** Paint what the net gives at each place. */
  draw(output) {
    const { pixels, colours } = this;
    const paint = this.given.form.kind === "binary" ? this.paintBinary : this.paintClasses;
    paint.call(this, output.data, output.shape[1], pixels, colours);
    this.cells.getContext("2d").putImageData(this.picture, 0, 0);
    const side = this.field.width;
    const context = this.field.getContext("2d", { alpha: false });
    context.imageSmoothingEnabled = true;
    context.drawImage(this.cells, 0, 0, side, side);
  }

  /** How sure the net is: the probability of the positive class, from -1 to 1. */
  paintBinary(z, _, pixels, { pale }) {
    const { slope, center } = this.given.form;
    for (let i = 0; i < pixels.length; i += 1) pixels[i] = pale[shade(Math.tanh((z[i] - center) * slope))];
  }

  paintClasses(z, count, pixels, { middle, classes }) {
    for (let i = 0; i < pixels.length; i += 1) {
      let best = 0;
      let total = 0;
      for (let k = 1; k < count; k += 1) if (z[i * count + k] > z[i * count + best]) best = k;
      for (let k = 0; k < count; k += 1) total += Math.exp(z[i * count + k] - z[i * count + best]);
      const sure = (1 / total - 1 / count) / (1 - 1 / count);
      const [r, g, b] = mixed(middle, classes[this.given.form.outputs[best]] ?? middle, PALE * sure);
      pixels[i] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
  }

  pixel(row) {
    const [x, y] = this.flat(row);
    const side = this.points.width;
    return [((x - this.low[0]) / this.span) * side, (1 - (y - this.low[1]) / this.span) * side];
  }

  drawPoints() {
    const context = this.points.getContext("2d");
    context.clearRect(0, 0, this.points.width, this.points.height);
    const radius = Math.max(3.2, this.points.width / this.ratio / 105) * this.ratio;
    const edge = cssColour(this.colours.paper);
    const disc = (row, label, hollow) => {
      const [x, y] = this.pixel(row);
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fillStyle = cssColour(this.colours.classes[label], hollow ? 0.35 : 1);
      context.fill();
      context.lineWidth = 1.1 * this.ratio;
      context.strokeStyle = hollow ? cssColour(this.colours.classes[label]) : edge;
      context.stroke();
    };
    this.data.validation?.rows.forEach((row, i) => disc(row, this.data.validation.labels[i], true));
    this.data.rows.forEach((row, i) => disc(row, this.data.labels[i], false));
    if (this.picked < 0 || this.picked >= this.data.count) return;
    const [x, y] = this.pixel(this.data.rows[this.picked]);
    context.beginPath();
    context.arc(x, y, radius * 2, 0, 2 * Math.PI);
    context.lineWidth = 2 * this.ratio;
    context.strokeStyle = cssColour(this.colours.ink);
    context.stroke();
  }

  // --- pointing

  placeOf(event) {
    const box = this.points.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  planeOf([x, y]) {
    const side = this.points.clientWidth;
    return [this.low[0] + (this.span * x) / side, this.low[1] + this.span * (1 - y / side)];
  }

  /** The sample near to a place on the screen, or -1. */
  nearest([x, y], reach = NEAR) {
    let [best, shortest] = [-1, reach];
    this.data.rows.forEach((row, i) => {
      const [px, py] = this.pixel(row).map((at) => at / this.ratio);
      const away = Math.hypot(px - x, py - y);
      if (away <= shortest) [best, shortest] = [i, away];
    });
    return best;
  }

  pointer() {
    const { points } = this;
    let held = null;
    points.addEventListener("pointerdown", (event) => {
      const at = this.placeOf(event);
      const index = this.nearest(at, event.pointerType === "touch" ? 2 * NEAR : NEAR);
      if (index < 0) return;
      held = { index, at, moved: false };
      points.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    points.addEventListener("pointermove", (event) => {
      const at = this.placeOf(event);
      if (!held) {
        points.style.cursor = this.nearest(at) < 0 ? "crosshair" : "grab";
        return;
      }
      held.moved ||= Math.hypot(at[0] - held.at[0], at[1] - held.at[1]) > 3;
      const within = at.map((x) => Math.max(4, Math.min(points.clientWidth - 4, x)));
      if (held.moved) this.on.move(held.index, this.rounded(this.planeOf(within), this.data.rows[held.index]));
    });
    const release = () => {
      if (held && !held.moved) this.on.pick(held.index);
      held = null;
    };
    points.addEventListener("pointerup", release);
    points.addEventListener("pointercancel", () => (held = null));
    points.addEventListener("dblclick", (event) => {
      const at = this.placeOf(event);
      if (this.nearest(at) < 0) this.on.add(this.rounded(this.planeOf(at)));
    });
  }

  /** A sample that a link can name in few digits. */
  rounded(place, row) {
    return this.deep(place, row).map((x) => Number(x.toFixed(3)));
  }
}
