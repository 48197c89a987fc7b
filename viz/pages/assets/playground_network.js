// The net: a picture of what each unit sees, and wires with the size and the sign of their weights.

const THUMB = 30; // cells of a unit's picture along each side
const MOST = 18; // units of a layer that are shown

class NetworkView {
  constructor(root, colours, layers, { names, form }, on) {
    Object.assign(this, { root, colours, layers, names, form, on });
    this.canvas = root.querySelector("#net");
    this.buttons = root.querySelector("#units");
    this.heads = root.querySelector("#heads");
    this.shown = "weight";
    this.marked = null;
    this.columns = [names.length, ...layers.map((layer) => layer.units)].map((n) => Math.min(n, MOST));
    const count = this.columns.reduce((a, b) => a + b, 0);
    this.atlas = document.createElement("canvas");
    this.atlas.width = THUMB;
    this.atlas.height = THUMB * count;
    this.picture = new ImageData(THUMB, THUMB * count);
    this.pixels = new Uint32Array(this.picture.data.buffer);
    this.build();
    this.pointer();
  }

  /** Names of the columns and a button for each unit: the canvas alone could not be reached by keys. */
  build() {
    const titles = ["inputs", ...this.layers.map((_, k) => (k + 1 === this.layers.length ? "output" : `hidden ${k + 1}`))];
    const counts = [this.names.length, ...this.layers.map(({ units }) => units)];
    const heads = titles.map((text, column) => (counts[column] > MOST ? `${text}: ${MOST} of ${counts[column]}` : text));
    this.heads.replaceChildren(...heads.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    this.units = this.columns.flatMap((count, column) =>
      Array.from({ length: count }, (_, unit) => {
        const button = document.createElement("button");
        button.type = "button";
        button.setAttribute("aria-label", column ? `${titles[column]}, unit ${unit + 1}` : `input ${this.names[unit]}`);
        if (!column) button.dataset.name = this.names[unit];
        button.addEventListener("click", () => this.on.pick(column - 1, unit));
        return { column, unit, button };
      }),
    );
    this.buttons.replaceChildren(...this.units.map(({ button }) => button));
    // On a phone a unit is as large as a fingertip, with its numbers above and below it.
    this.root.style.setProperty("--tall", `${74 * Math.min(10, Math.max(...this.columns)) + 110}px`);
    if (!this.layers.length) this.root.classList.add("closed");
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) [this.canvas.width, this.canvas.height] = [w, h];
    this.ratio = ratio;
    const most = Math.max(...this.columns);
    const room = height / most; // numbers are above and below a unit, if there is room for them
    this.side = Math.max(18, Math.min(58, room > 56 ? room - 28 : room - 6, (width / this.columns.length) * 0.5));
    this.hasNumbers = room - this.side >= 20;
    const step = (width - this.side - 44) / Math.max(1, this.columns.length - 1);
    for (const place of this.units) {
      const count = this.columns[place.column];
      const gap = Math.min(this.side + 34, height / count);
      place.x = 34 + place.column * step;
      place.y = height / 2 + (place.unit - (count - 1) / 2) * gap - this.side / 2;
      Object.assign(place.button.style, { left: `${place.x}px`, top: `${place.y}px`, width: `${this.side}px`, height: `${this.side}px` });
    }
    this.byColumn = this.columns.map((_, column) => this.units.filter((place) => place.column === column));
    [...this.heads.children].forEach((head, column) => {
      head.style.left = `${34 + column * step + this.side / 2}px`;
    });
    this.makeWires();
  }

  makeWires() {
    this.wires = this.layers.flatMap((layer, k) =>
      this.byColumn[k].flatMap((from) =>
        this.byColumn[k + 1].map((to) => {
          const [x0, y0, x1, y1] = [from.x + this.side, from.y + this.side / 2, to.x, to.y + this.side / 2];
          const middle = (x1 - x0) / 2;
          return { layer, k, from: from.unit, to: to.unit, index: from.unit * layer.units + to.unit, curve: [x0, y0, x0 + middle, y0, x1 - middle, y1, x1, y1] };
        }),
      ),
    );
  }

  /** The number that a wire shows. */
  valueOf(wire, state) {
    const weight = state[wire.layer.weight].data[wire.index];
    if (this.shown === "weight") return weight;
    const gradient = state[wire.layer.gradient]?.data[wire.index] ?? 0;
    return this.shown === "gradient" ? gradient : weight * gradient;
  }

  draw(state, hidden, grid, answers) {
    this.paint(grid, answers);
    const context = this.canvas.getContext("2d");
    const { ratio, side, colours } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.drawWires(context, state);
    this.units.forEach(({ column, unit, x, y }, i) => {
      const off = hidden.has(`${column - 1}:${unit}`);
      context.globalAlpha = off ? 0.18 : 1;
      context.save();
      context.beginPath();
      context.roundRect(x, y, side, side, side / 8);
      context.clip();
      context.drawImage(this.atlas, 0, i * THUMB, THUMB, THUMB, x, y, side, side);
      context.restore();
      context.beginPath();
      context.roundRect(x, y, side, side, side / 8);
      const isMarked = this.marked && this.marked.layer === column - 1 && this.marked.unit === unit;
      context.lineWidth = isMarked ? 3 : 1.5;
      context.strokeStyle = cssColour(isMarked ? colours.forward : colours.line);
      context.stroke();
      context.globalAlpha = 1;
    });
  }

  /** Wires in groups of one colour and width: a canvas takes its time over each stroke. */
  drawWires(context, state) {
    const top = this.layers.map(() => 1e-300);
    for (const wire of this.wires) {
      wire.value = this.valueOf(wire, state);
      top[wire.k] = Math.max(top[wire.k], Math.abs(wire.value));
    }
    const groups = new Map();
    for (const wire of this.wires) {
      const level = Math.ceil((7 * Math.abs(wire.value)) / top[wire.k]);
      if (!level) continue;
      const key = wire.value < 0 ? -level : level;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(wire);
    }
    for (const key of [...groups.keys()].sort((a, b) => Math.abs(a) - Math.abs(b))) {
      const level = Math.abs(key);
      context.beginPath();
      for (const { curve } of groups.get(key)) {
        context.moveTo(curve[0], curve[1]);
        context.bezierCurveTo(curve[2], curve[3], curve[4], curve[5], curve[6], curve[7]);
      }
      context.lineWidth = 0.4 + level * 0.62;
      context.strokeStyle = cssColour(this.colours.signed(key), 0.18 + 0.1 * level);
      context.stroke();
    }
    if (!this.lit) return;
    const { curve } = this.lit;
    context.beginPath();
    context.moveTo(curve[0], curve[1]);
    context.bezierCurveTo(curve[2], curve[3], curve[4], curve[5], curve[6], curve[7]);
    context.lineWidth = 3;
    context.strokeStyle = cssColour(this.colours.forward);
    context.stroke();
  }

  /** The pictures of all units, on one canvas below each other. */
  paint(grid, answers) {
    const step = CELLS / THUMB;
    const { pixels } = this;
    const table = this.colours.full;
    this.units.forEach(({ column, unit }, place) => {
      const { data, shape } = column ? answers[column - 1] : grid;
      const width = shape[1];
      const isOutput = column === this.layers.length;
      const { center, slope } = this.form;
      let [low, high] = [Infinity, -Infinity];
      for (let i = 0; i < THUMB; i += 1) {
        for (let j = 0; j < THUMB; j += 1) {
          const x = data[(i * step * CELLS + j * step) * width + unit];
          if (x < low) low = x;
          if (x > high) high = x;
        }
      }
      const middle = column ? 0 : (low + high) / 2;
      const scale = isOutput ? 0 : 1 / Math.max(high - middle, middle - low, 1e-12);
      const from = place * THUMB * THUMB;
      for (let i = 0; i < THUMB; i += 1) {
        for (let j = 0; j < THUMB; j += 1) {
          const x = data[(i * step * CELLS + j * step) * width + unit];
          pixels[from + i * THUMB + j] = table[shade(isOutput ? Math.tanh((x - center) * 2 * slope) : (x - middle) * scale)];
        }
      }
    });
    this.atlas.getContext("2d").putImageData(this.picture, 0, 0);
  }

  // --- pointing at a wire

  wireAt(x, y) {
    let [best, shortest] = [null, 7];
    for (const wire of this.wires) {
      const c = wire.curve;
      if (x < c[0] || x > c[6] || y < Math.min(c[1], c[7]) - 8 || y > Math.max(c[1], c[7]) + 8) continue;
      const t = (x - c[0]) / (c[6] - c[0]);
      // x(t) of these curves is monotone: three steps of Newton's method give t.
      let s = t;
      for (let k = 0; k < 3; k += 1) {
        const at = 1.5 * s * (1 - s) ** 2 + 1.5 * s * s * (1 - s) + s ** 3;
        const slope = 1.5 * (1 - s) ** 2 + 1.5 * s * s;
        s -= (at - t) / Math.max(slope, 0.3);
      }
      const rise = 3 * s * s - 2 * s ** 3;
      const away = Math.abs(c[1] + (c[7] - c[1]) * rise - y) - (wire.value ? 0.5 : 0);
      if (away < shortest) [best, shortest] = [wire, away];
    }
    return best;
  }

  pointer() {
    const { canvas } = this;
    let held = null;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      if (held) {
        const value = held.start + ((x - held.x) / 60) * Math.max(0.5, Math.abs(held.start));
        this.on.weight(held.wire, Number(value.toPrecision(4)));
        this.lit = held.wire;
        this.on.light(held.wire, x, y);
        return;
      }
      const wire = this.wireAt(x, y);
      if (wire === this.lit) return;
      this.lit = wire;
      canvas.style.cursor = wire ? "ew-resize" : "default";
      this.on.light(wire, x, y);
    });
    canvas.addEventListener("pointerdown", (event) => {
      const [x, y] = place(event);
      const wire = this.wireAt(x, y);
      this.lit = wire;
      this.on.light(wire, x, y);
      if (!wire) return;
      held = { wire, x, start: this.on.weightOf(wire) };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", () => (held = null));
    canvas.addEventListener("pointercancel", () => (held = null));
    canvas.addEventListener("pointerleave", () => {
      if (held) return;
      this.lit = null;
      this.on.light(null);
    });
  }
}
