// Changing the number of a leaf: by dragging its box sideways, by typing, by the arrow keys, by a slider.

/** A round step for a number of this size: 0.1 for 2.4, 10 for 350. */
function stepFor(x) {
  const size = Math.abs(x) || 1;
  return 10 ** Math.floor(Math.log10(size)) / 10;
}

/** `x` moved by `count` steps, without the digits that only binary fractions have. */
function moved(x, count, step) {
  return Number((x + count * step).toPrecision(12));
}

class Leaves {
  /** `changed(k)` is called when the number of leaf `k` was changed, or all of them were if `k` is null. */
  constructor(film, graph, changed) {
    Object.assign(this, { film, graph, changed });
    this.list = film.nodes.filter((node) => film.numbers.canChange(node.id)).map((node) => node.id);
    this.element = document.getElementById("changes");
    this.editor = document.getElementById("editor");
    graph.onpress = (event) => this.press(event);
    this.build();
    this.showList();
  }

  /** The leaves whose numbers are not the original ones, with their numbers. */
  get differing() {
    const { numbers } = this.film;
    return this.list.filter((k) => !Object.is(numbers.value(k), numbers.original[k])).map((k) => [k, numbers.value(k)]);
  }

  /** Give leaf `k` the number `x`. */
  set(k, x) {
    if (!this.list.includes(k) || Number.isNaN(x)) return;
    this.film.numbers.change(k, x);
    this.refresh(k);
  }

  /** Give many leaves a number: pairs [k, x]. All others keep theirs. */
  setAll(pairs) {
    for (const [k, x] of pairs) this.film.numbers.change(k, x);
    this.refresh(null);
  }

  /** Give one leaf, or all of them, the original number. */
  reset(k = null) {
    const chosen = k === null ? this.list : [k];
    for (const i of chosen) this.film.numbers.change(i, this.film.numbers.original[i]);
    this.refresh(k);
  }

  refresh(k) {
    this.film.numbers.run();
    this.showList();
    this.showEditor(this.shown);
    this.changed(k);
  }

  // --- on the graph

  /** Start to drag the leaf under the pointer; false if there is none. */
  press(event) {
    const g = event.target.closest(".node.changes");
    if (!g || event.button !== 0) return false;
    const k = Number(g.id.slice(5));
    const start = this.film.numbers.value(k);
    const step = stepFor(start) / 2;
    let dragged = false;
    const move = ({ clientX, shiftKey }) => {
      const count = Math.round((clientX - event.clientX) / 4);
      if (!dragged && Math.abs(clientX - event.clientX) < 5) return;
      dragged = true;
      g.classList.add("dragged");
      this.set(k, moved(start, count, shiftKey ? step / 10 : step));
    };
    const release = () => {
      g.classList.remove("dragged");
      window.removeEventListener("pointermove", move);
      for (const type of ["pointerup", "pointercancel"]) window.removeEventListener(type, release);
      if (dragged) g.addEventListener("click", (click) => click.stopImmediatePropagation(), { once: true, capture: true });
      if (dragged) setTimeout(() => this.graph.pick(k));
    };
    window.addEventListener("pointermove", move);
    for (const type of ["pointerup", "pointercancel"]) window.addEventListener(type, release);
    return true;
  }

  /** A key on leaf `k`: ↑ and ↓ change its number, with Shift ten times as much, with Alt a tenth; digits type it. */
  key(k, event) {
    if (!this.list.includes(k) || event.ctrlKey || event.metaKey) return false;
    const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (sign) {
      const x = this.film.numbers.value(k);
      const step = stepFor(this.film.numbers.original[k] || x);
      this.set(k, moved(x, sign, step * (event.shiftKey ? 10 : event.altKey ? 0.1 : 1)));
      return true;
    }
    if (!/^[\d.−-]$/.test(event.key) || this.shown !== k) return false;
    this.number.focus();
    this.number.value = event.key;
    this.number.dispatchEvent(new Event("input"));
    return true;
  }

  // --- beside the graph

  build() {
    this.number = document.getElementById("number");
    this.range = document.getElementById("range");
    document.getElementById("reset-all").addEventListener("click", () => this.reset());
    document.getElementById("reset-one").addEventListener("click", () => this.reset(this.shown));
    this.number.addEventListener("input", () => {
      const x = Number(this.number.value.trim().replace("−", "-").replace(",", "."));
      const good = this.number.value.trim() !== "" && Number.isFinite(x);
      this.number.setAttribute("aria-invalid", String(!good));
      if (good) this.set(this.shown, x);
    });
    this.number.addEventListener("keydown", (event) => {
      if (["ArrowUp", "ArrowDown"].includes(event.key) && this.key(this.shown, event)) {
        event.preventDefault();
        this.showEditor(this.shown, true);
      } else if (event.key === "Enter") this.number.blur();
    });
    this.range.addEventListener("input", () => this.set(this.shown, Number(this.range.value)));
    this.range.addEventListener("change", () => this.span());
    document.getElementById("live").hidden = !this.list.length;
  }

  /** Show the field and the slider for node `k`, or why its number stays as it is. */
  showEditor(k, anew = false) {
    const can = this.list.includes(k);
    const isNew = k !== this.shown || anew;
    this.shown = k;
    this.editor.hidden = !can;
    if (!can) return;
    const x = this.film.numbers.value(k);
    document.getElementById("edited").textContent = this.film.nodes[k].name;
    if (document.activeElement !== this.number || isNew) this.number.value = String(x);
    if (isNew || x < Number(this.range.min) || x > Number(this.range.max)) this.span();
    this.range.value = x;
    document.getElementById("reset-one").disabled = Object.is(x, this.film.numbers.original[k]);
  }

  /** Put the slider's middle where the number is. */
  span() {
    const x = this.film.numbers.value(this.shown);
    const reach = 20 * stepFor(x);
    Object.assign(this.range, { min: moved(x, -1, reach), max: moved(x, 1, reach), step: stepFor(x) / 10 });
    this.range.value = x;
  }

  /** Name the leaves that were changed. */
  showList() {
    const { film, differing } = this;
    const rows = differing.slice(0, 6).map(([k, x]) => {
      const text = `${film.nodes[k].name} ${numberText(film.numbers.original[k])} → ${numberText(x)}`;
      const button = make("button", { type: "button", class: "link", "aria-label": `Reset ${text}` }, `${text} · reset`);
      button.addEventListener("click", () => this.reset(k));
      return make("li", {}, button);
    });
    if (differing.length > 6) rows.push(make("li", {}, `and ${differing.length - 6} more`));
    this.element.replaceChildren(...rows);
    document.getElementById("reset-all").hidden = !differing.length;
    document.getElementById("hint").hidden = differing.length > 0;
  }
}
