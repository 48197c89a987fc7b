// All steps, in a table.

const ROWS = 100; // at a time

class StepTable {
  constructor(film, seek) {
    this.film = film;
    this.seek = seek;
    this.table = document.getElementById("table");
    this.table.setAttribute("aria-rowcount", film.length + 1);
    this.box = this.table.parentElement;
    this.first = -1;
    this.rows = new Map();
  }

  /** Mark the step that was done last; steps from `secret` on only name their node. */
  show(count, secret) {
    const first = Math.max(0, Math.min(count - 1 - ((count - 1) % ROWS), this.film.length - 1));
    if (first !== this.first || secret !== this.secret) this.build(first, secret);
    else if (this.isStale) this.rewrite();
    this.current?.removeAttribute("aria-current");
    cancelAnimationFrame(this.frame);
    this.current = this.rows.get(count - 1);
    if (!this.current) return;
    this.current.setAttribute("aria-current", "step");
    this.frame = requestAnimationFrame(() => this.scroll()); // to ask where a row is lays the page out
  }

  /** Bring the current row into sight. */
  scroll() {
    const [top, height] = [this.current.offsetTop, this.current.offsetHeight];
    const head = 30;
    if (top - head < this.box.scrollTop) this.box.scrollTop = top - head;
    else this.box.scrollTop = Math.max(this.box.scrollTop, top + height - this.box.clientHeight);
  }

  /** Write the sentences again: a number was changed. */
  rewrite() {
    this.isStale = false;
    for (const [s, row] of this.rows) {
      const [cell, text] = [row.lastChild, this.sentence(s, this.secret)];
      if (cell.textContent !== text) cell.textContent = text;
    }
  }

  sentence(s, secret) {
    const step = this.film.steps[s];
    return s < secret ? step.sentence : `${this.film.nodes[this.film.target(step)].name} receives …`;
  }

  build(first, secret) {
    Object.assign(this, { first, secret, isStale: false });
    this.rows.clear();
    const titles = ["step", "what happens"].map((title) => make("th", { scope: "col" }, title));
    const head = make("tr", { "aria-rowindex": 1 }, ...titles);
    const body = make("tbody");
    if (first > 0) body.append(this.jump("Earlier steps", first));
    for (let s = first; s < Math.min(first + ROWS, this.film.length); s += 1) body.append(this.row(s, secret));
    if (first + ROWS < this.film.length) body.append(this.jump("Later steps", first + ROWS + 1));
    this.table.replaceChildren(make("thead", {}, head), body);
  }

  row(s, secret) {
    const step = this.film.steps[s];
    const button = make("button", { type: "button", "aria-label": `Go to step ${s + 1}` }, String(s + 1));
    button.addEventListener("click", () => this.seek(s + 1));
    const row = make("tr", { "aria-rowindex": s + 2, class: step.kind === "forward" ? "forward" : "backward" });
    row.append(make("td", {}, button), make("td", {}, this.sentence(s, secret)));
    this.rows.set(s, row);
    return row;
  }

  jump(text, count) {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => this.seek(count));
    return make("tr", {}, make("td", { colspan: 2 }, button));
  }
}
