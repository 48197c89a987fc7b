// A gradient step: leaf −= η · ∂L/∂leaf for all leaves that learn, and the curve of the losses that it leads through.

const CURVE = { width: 300, height: 66, inset: 8 };
const KEPT_NUMBERS = 4_000_000; // in the states of the curve

class Descent {
  constructor(film, leaves) {
    Object.assign(this, { film, leaves });
    this.chosen = new Set(leaves.list.filter((k) => film.nodes[k].collects));
    this.rate = document.getElementById("rate");
    this.curve = document.getElementById("curve");
    this.history = document.getElementById("history");
    document.getElementById("descend").addEventListener("click", () => this.step());
    this.rate.addEventListener("input", () => this.showRate());
    this.history.addEventListener("input", () => this.restore(Number(this.history.value)));
    this.curve.addEventListener("click", (event) => {
      const { left, width } = this.curve.getBoundingClientRect();
      const inside = ((event.clientX - left) / width) * CURVE.width - CURVE.inset;
      const last = this.states.length - 1;
      this.restore(Math.round(Math.max(0, Math.min(1, inside / (CURVE.width - 2 * CURVE.inset))) * last));
    });
    document.getElementById("descent").hidden = !this.chosen.size || !isSingle(film.numbers.value(film.root));
    this.forget();
    this.showRate();
  }

  /** η, on a scale of equal factors from 0.001 to 10. */
  get eta() {
    return Number((10 ** Number(this.rate.value)).toPrecision(2));
  }

  showRate() {
    document.getElementById("eta").textContent = numberText(this.eta);
    this.rate.setAttribute("aria-valuetext", numberText(this.eta));
  }

  state() {
    const { numbers, root } = this.film;
    return { values: this.leaves.list.map((k) => [k, numbers.value(k)]), loss: single(numbers.value(root)) };
  }

  /** Start the curve at the present numbers: one was changed by hand. */
  forget() {
    this.states = [this.state()];
    this.at = 0;
    this.show();
  }

  /** Take one step from the present state; what came after it is dropped. */
  step() {
    const { numbers } = this.film;
    const stepped = [...this.chosen].map((k) => [k, numbers.stepped(k, this.eta)]);
    this.isStepping = true;
    this.leaves.setAll(stepped);
    this.isStepping = false;
    this.states.splice(this.at + 1);
    this.states.push(this.state());
    const size = this.leaves.list.reduce((sum, k) => sum + numbers.size(k), 0);
    if (this.states.length > Math.max(2, KEPT_NUMBERS / size)) this.states.shift();
    this.at = this.states.length - 1;
    this.show();
  }

  /** Go back to a state of the curve. */
  restore(at) {
    if (!this.states[at] || at === this.at) return;
    this.at = at;
    this.isStepping = true;
    this.leaves.setAll(this.states[at].values);
    this.isStepping = false;
    this.show();
  }

  /** Whether leaf `k` takes part in a step. */
  choose(k, takesPart) {
    if (takesPart) this.chosen.add(k);
    else this.chosen.delete(k);
    document.getElementById("descend").disabled = !this.chosen.size;
  }

  show() {
    const { states, at, film } = this;
    const few = states.length < 2;
    this.curve.toggleAttribute("hidden", few);
    this.history.hidden = few;
    const said = document.getElementById("losses");
    const name = film.nodes[film.root].name;
    said.textContent = few
      ? `${name} = ${numberText(states[0].loss)} after the whole forward pass`
      : `${name} = ${numberText(states[at].loss)} after ${at} of ${states.length - 1} steps`;
    if (few) return;
    const losses = states.map(({ loss }) => loss).filter(Number.isFinite);
    const [low, high] = [Math.min(...losses), Math.max(...losses)];
    const { width, height, inset } = CURVE;
    const x = (i) => inset + (i / (states.length - 1)) * (width - 2 * inset);
    const y = (loss) => height - inset - ((loss - low) / (high - low || 1)) * (height - 2 * inset);
    const points = states.flatMap(({ loss }, i) => (Number.isFinite(loss) ? [`${x(i).toFixed(1)},${y(loss).toFixed(1)}`] : []));
    const marks = states.length > 60 ? [] : states.map(({ loss }, i) =>
      make("circle", { class: Number.isFinite(loss) ? "" : "odd", r: 2.2, cx: x(i), cy: Number.isFinite(loss) ? y(loss) : inset }));
    const here = Number.isFinite(states[at].loss) ? y(states[at].loss) : inset;
    this.curve.replaceChildren(
      make("polyline", { points: points.join(" ") }), ...marks, make("circle", { class: "here", r: 5, cx: x(at), cy: here }));
    Object.assign(this.history, { max: states.length - 1, value: at });
    this.history.setAttribute("aria-valuetext", said.textContent);
  }
}
