// The entries of a leaf's array as fields: typed, changed by the arrow keys, dragged sideways.

const GRID_ROWS = 8;
const GRID_COLUMNS = 8;

class EntryGrid {
  /** `choose(i)` is called with the entry that gets the focus, `set(i, x)` with one that gets another number. */
  constructor(film, { choose, set, key }) {
    Object.assign(this, { film, choose, set, key });
    this.element = document.getElementById("entries");
    this.fields = new Map();
  }

  /** The array as a table: rows of its last axis; of a long vector, rows of some entries. */
  layout(k) {
    const { shape } = this.film.nodes[k];
    const columns = shape.length === 1 ? Math.min(shape[0], GRID_COLUMNS) : shape.at(-1);
    return { columns, rows: Math.ceil(this.film.numbers.size(k) / columns) };
  }

  /** Show the part of leaf `k` around entry `at`. */
  show(k, at) {
    const { columns, rows } = this.layout(k);
    const [row, column] = [Math.floor(at / columns), at % columns];
    const start = (place, shown, all) => Math.max(0, Math.min(all - shown, place - (place % shown)));
    const [top, left] = [start(row, GRID_ROWS, rows), start(column, GRID_COLUMNS, columns)];
    const key = `${k} ${top} ${left}`;
    if (key !== this.shown) this.build(k, { top, left, columns, rows });
    this.shown = key;
    for (const [i, field] of this.fields) this.write(k, i, field, i === at);
  }

  write(k, i, field, isChosen) {
    const x = this.film.numbers.entry(k, i);
    if (document.activeElement !== field || !field.dataset.typed) field.value = numberText(x);
    field.title = `${entryName(this.film.nodes[k], i)} = ${x}`;
    field.classList.toggle("changed", !Object.is(x, this.film.numbers.originalEntry(k, i)));
    field.classList.toggle("chosen", isChosen);
    field.classList.toggle("odd", !Number.isFinite(x));
  }

  build(k, { top, left, columns, rows }) {
    this.fields.clear();
    const [bottom, right] = [Math.min(rows, top + GRID_ROWS), Math.min(columns, left + GRID_COLUMNS)];
    const size = this.film.numbers.size(k);
    const lines = [];
    for (let row = top; row < bottom; row += 1) {
      const cells = [];
      for (let i = row * columns + left; i < Math.min(size, row * columns + right); i += 1) cells.push(make("td", {}, this.field(k, i)));
      const head = make("th", { scope: "row" }, `[${indexOf(row * columns + left, this.film.nodes[k].shape)}]`);
      lines.push(make("tr", {}, head, ...cells));
    }
    const name = `Entries of ${this.film.nodes[k].name}`;
    const table = make("table", { "aria-label": name }, make("tbody", {}, ...lines));
    this.element.replaceChildren(make("div", { class: "cells" }, table));
    if (rows <= GRID_ROWS && columns <= GRID_COLUMNS) return;
    const turn = (text, label, by, can) => {
      const button = make("button", { type: "button", "aria-label": label, disabled: !can }, text);
      button.addEventListener("click", () => this.choose(Math.max(0, Math.min(size - 1, top * columns + left + by))));
      return button;
    };
    this.element.append(make("p", { class: "row turns" },
      turn("↑", "Rows above", -GRID_ROWS * columns, top > 0), turn("↓", "Rows below", GRID_ROWS * columns, bottom < rows),
      turn("←", "Columns on the left", -GRID_COLUMNS, left > 0), turn("→", "Columns on the right", GRID_COLUMNS, right < columns),
      `rows ${top}–${bottom - 1} of ${rows}, columns ${left}–${right - 1} of ${columns}`));
  }

  field(k, i) {
    const field = make("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
    field.setAttribute("aria-label", entryName(this.film.nodes[k], i));
    field.addEventListener("focus", () => this.choose(i));
    field.addEventListener("input", () => {
      field.dataset.typed = "yes";
      const x = typedNumber(field.value);
      field.setAttribute("aria-invalid", String(x === null));
      if (x !== null) this.set(i, x);
    });
    field.addEventListener("blur", () => {
      delete field.dataset.typed;
      field.removeAttribute("aria-invalid");
      field.value = numberText(this.film.numbers.entry(k, i));
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") field.select();
      if (!this.key(event)) return;
      delete field.dataset.typed;
      field.value = numberText(this.film.numbers.entry(k, i));
      event.preventDefault();
    });
    field.addEventListener("pointerdown", (event) => this.drag(k, i, field, event));
    this.fields.set(i, field);
    return field;
  }

  /** Drag the number of entry `i` sideways. */
  drag(k, i, field, event) {
    if (event.button !== 0) return;
    dragNumber(event, this.film.numbers.entry(k, i), {
      begin: () => field.classList.add("dragged"),
      move: (x) => this.set(i, x),
      end: () => field.classList.remove("dragged"),
    });
  }
}
