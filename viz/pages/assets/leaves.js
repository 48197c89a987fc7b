// Changing the numbers of leaves: by dragging a box sideways, by typing, by the arrow keys, by a slider. Of an array, the
// entries are changed in a grid.

/** A round step for a number of this size: 0.1 for 2.4, 10 for 350. */
function stepFor(x) {
  const size = Math.abs(x) || 1;
  return 10 ** Math.floor(Math.log10(size)) / 10;
}

/** `x` moved by `count` steps, without the digits that only binary fractions have. */
function moved(x, count, step) {
  return Number((x + count * step).toPrecision(12));
}

/** The number that a learner has typed, with a point or a comma; null if it is none. */
function typedNumber(text) {
  const x = Number(text.trim().replace("−", "-").replace(",", "."));
  return text.trim() !== "" && Number.isFinite(x) ? x : null;
}

/** `x` after a key: ↑ and ↓ change it, with Shift ten times as much, with Alt a tenth; null for other keys. */
function movedByKey(event, x, original) {
  const sign = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (!sign || event.ctrlKey || event.metaKey) return null;
  return moved(x, sign, stepFor(original || x) * (event.shiftKey ? 10 : event.altKey ? 0.1 : 1));
}

/** Follow a pointer that was pressed on a number `start`, and drags it sideways; with Shift in finer steps. */
function dragNumber(pressed, start, { begin, move, end }) {
  const step = stepFor(start) / 2;
  let dragged = false;
  const follow = (event) => {
    const dx = event.clientX - pressed.clientX;
    if (!dragged && Math.abs(dx) < 5) return;
    if (!dragged) begin();
    dragged = true;
    event.preventDefault();
    move(moved(start, Math.round(dx / 4), event.shiftKey ? step / 10 : step));
  };
  const release = () => {
    window.removeEventListener("pointermove", follow);
    for (const type of ["pointerup", "pointercancel"]) window.removeEventListener(type, release);
    if (dragged) end();
  };
  window.addEventListener("pointermove", follow);
  for (const type of ["pointerup", "pointercancel"]) window.addEventListener(type, release);
}

class Leaves {
  /** `changed(k)` is called when a number of leaf `k` was changed, or those of many leaves if it is null. */
  constructor(film, graph, changed) {
    Object.assign(this, { film, graph, changed, at: 0 });
    this.list = film.nodes.filter((node) => film.numbers.canChange(node.id)).map((node) => node.id);
    this.element = document.getElementById("changes");
    this.editor = document.getElementById("editor");
    this.grid = new EntryGrid(film, {
      choose: (i) => this.showEditor(this.shown, true, i),
      set: (i, x) => this.set(this.shown, x, i),
      key: (event) => this.key(this.shown, event),
    });
    graph.onpress = (event) => this.press(event);
    this.build();
    this.showList();
  }

  /** The leaves whose numbers are not the original ones, each with the places of those numbers. */
  get differing() {
    const { numbers } = this.film;
    return this.list.map((k) => [k, numbers.changedEntries(k)]).filter(([, places]) => places.length);
  }

  /** Give leaf `k` the number `x`: of an array, its entry in place `i`. */
  set(k, x, i = 0) {
    if (!this.list.includes(k) || Number.isNaN(x)) return;
    this.film.numbers.changeEntry(k, i, x);
    this.refresh(k);
  }

  /** Give many leaves a value: pairs [k, value]. All others keep theirs. */
  setAll(pairs) {
    for (const [k, value] of pairs) this.film.numbers.change(k, value);
    this.refresh(null);
  }

  /** Give one leaf, or all of them, the original value. */
  reset(k = null) {
    const chosen = k === null ? this.list : [k];
    for (const i of chosen) this.film.numbers.change(i, this.film.numbers.original[i]);
    this.refresh(k);
  }

  refresh(k) {
    this.film.numbers.run();
    this.showList();
    this.changed(k);
    this.showEditor(this.shown);
  }

  // --- on the graph

  /** Start to drag the leaf under the pointer; false if there is none. */
  press(event) {
    const g = event.target.closest(".node.changes");
    if (!g || event.button !== 0) return false;
    const k = Number(g.id.slice(5));
    dragNumber(event, this.film.numbers.entry(k), {
      begin: () => g.classList.add("dragged"),
      move: (x) => this.set(k, x),
      end: () => {
        g.classList.remove("dragged");
        g.addEventListener("click", (click) => click.stopImmediatePropagation(), { once: true, capture: true });
        setTimeout(() => this.graph.pick(k));
      },
    });
    return true;
  }

  /** A key on leaf `k`, for its chosen entry: the arrow keys change the number, digits type it. */
  key(k, event) {
    if (!this.list.includes(k) || event.ctrlKey || event.metaKey) return false;
    const { numbers } = this.film;
    const i = k === this.shown ? this.at : 0;
    const x = movedByKey(event, numbers.entry(k, i), numbers.originalEntry(k, i));
    if (x !== null) {
      this.set(k, x, i);
      return true;
    }
    if (!/^[\d.−-]$/.test(event.key) || this.shown !== k || event.target.closest("input")) return false;
    this.number.focus();
    this.number.value = event.key;
    this.number.dispatchEvent(new Event("input"));
    return true;
  }

  // --- next to the graph

  build() {
    this.number = document.getElementById("number");
    this.range = document.getElementById("range");
    document.getElementById("reset-all").addEventListener("click", () => this.reset());
    document.getElementById("reset-one").addEventListener("click", () => this.resetShown());
    this.number.addEventListener("input", () => {
      const x = typedNumber(this.number.value);
      this.number.setAttribute("aria-invalid", String(x === null));
      if (x !== null) this.set(this.shown, x, this.at);
    });
    this.number.addEventListener("keydown", (event) => {
      if (["ArrowUp", "ArrowDown"].includes(event.key) && this.key(this.shown, event)) {
        event.preventDefault();
        this.showEditor(this.shown, true);
      } else if (event.key === "Enter") this.number.blur();
    });
    this.range.addEventListener("input", () => this.set(this.shown, Number(this.range.value), this.at));
    this.range.addEventListener("change", () => this.span());
    document.getElementById("live").hidden = !this.list.length;
  }

  /** Give the number in the editor its original value. */
  resetShown() {
    this.set(this.shown, this.film.numbers.originalEntry(this.shown, this.at), this.at);
    this.showEditor(this.shown, true);
  }

  /** Show the fields and the slider for node `k`, and of an array for its entry in place `at`. */
  showEditor(k, force = false, at = k === this.shown ? this.at : 0) {
    const can = this.list.includes(k);
    const isNew = k !== this.shown || at !== this.at || force;
    Object.assign(this, { shown: k, at });
    this.editor.hidden = !can;
    if (!can) return;
    const { numbers, nodes } = this.film;
    const isArray = numbers.size(k) > 1;
    this.grid.element.hidden = !isArray;
    if (isArray) this.grid.show(k, at);
    const x = numbers.entry(k, at);
    document.getElementById("edited").textContent = isArray ? entryName(nodes[k], at) : nodes[k].name;
    if (document.activeElement !== this.number || isNew) this.number.value = String(x);
    if (isNew || x < Number(this.range.min) || x > Number(this.range.max)) this.span();
    this.range.value = x;
    document.getElementById("reset-one").disabled = Object.is(x, numbers.originalEntry(k, at));
  }

  /** Put the slider's middle where the number is. */
  span() {
    const x = this.film.numbers.entry(this.shown, this.at);
    if (!Number.isFinite(x)) return;
    const reach = 20 * stepFor(x);
    Object.assign(this.range, { min: moved(x, -1, reach), max: moved(x, 1, reach), step: stepFor(x) / 10 });
    this.range.value = x;
  }

  /** Name the leaves that were changed. */
  showList() {
    const { differing } = this;
    const rows = differing.slice(0, 6).map(([k, places]) => {
      const text = this.change(k, places);
      const button = make("button", { type: "button", class: "link", "aria-label": `Reset ${text}` }, `${text} · reset`);
      button.addEventListener("click", () => this.reset(k));
      return make("li", {}, button);
    });
    if (differing.length > 6) rows.push(make("li", {}, `and ${differing.length - 6} more`));
    this.element.replaceChildren(...rows);
    document.getElementById("reset-all").hidden = !differing.length;
    document.getElementById("hint").hidden = differing.length > 0;
  }

  /** What has changed in leaf `k`, in a few words. */
  change(k, places) {
    const { numbers, nodes } = this.film;
    if (places.length > 1) return `${nodes[k].name}: ${places.length} of ${numbers.size(k)} entries`;
    const [i] = places;
    const [first, now] = [numbers.originalEntry(k, i), numbers.entry(k, i)];
    const digits = numberText(first) === numberText(now) ? 16 : 4; // a change that four digits do not show
    return `${entryName(nodes[k], i)} ${numberText(first, digits)} → ${numberText(now, digits)}`;
  }
}
