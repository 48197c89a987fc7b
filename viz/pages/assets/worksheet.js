// Printed, the page is a worksheet: the graph without numbers, the steps with blanks, and the solutions on a new page.

const PRINTED = 300; // steps
const SMALL = 16; // entries: of an array with at most so many, the sheet asks for all
const WIDEST = 8; // columns that a page of paper has room for
const MOST_ASKED = 10_000; // entries: of an array with more, the sheet asks for none
const MOST_WORK = 300_000; // numbers to be computed for the terms of an entry of a gradient
const BLANK = "__________";

class Worksheet {
  /** `blank` shows the graph as before the first step, `restore` shows it again as it was. */
  constructor(film, { blank, restore }) {
    this.film = film;
    this.view = new ArrayView(film);
    this.element = document.getElementById("worksheet");
    window.addEventListener("beforeprint", () => {
      blank();
      this.write();
    });
    window.addEventListener("afterprint", () => {
      this.element.replaceChildren();
      restore();
    });
  }

  write() {
    const { film } = this;
    this.whole = this.findWhole();
    const steps = film.steps.slice(0, PRINTED);
    const item = (step, ...content) => make("li", { value: step.index + 1 }, ...content);
    const asked = steps.map((step) => item(step, math(step.equation, step.sentence), ...this.shape(step), ...this.numbers(step, false)));
    const solved = steps.map((step) => item(step, step.sentence, ...(film.isScalar ? [] : this.numbers(step, true))));
    const left = film.length > PRINTED ? [make("p", {}, `… and ${film.length - PRINTED} more steps`)] : [];
    this.element.replaceChildren(
      ...this.given(),
      make("ol", {}, ...asked), ...left,
      make("section", { class: "solutions" }, make("h2", {}, "Solutions"), make("ol", {}, ...solved), ...left.map((p) => p.cloneNode(true))),
    );
  }

  /** For each step whether it is asked for as a whole: its array is small, and all that it is made of is known. */
  findWhole() {
    const { nodes, steps } = this.film;
    const isKnown = [];
    nodes.forEach(({ inputs }, k) => isKnown.push((isSingle(this.film.numbers.value(k)) || this.isTable(k)) && inputs.every((i) => isKnown[i])));
    const hasGradient = nodes.map(() => true); // known as a whole
    return steps.map(({ kind, node, input }) => {
      const isWhole = isKnown[node] && (kind !== "backward" || (isKnown[input] && hasGradient[node]));
      if (kind === "backward" && !isWhole) hasGradient[input] = false;
      return isWhole;
    });
  }

  /** The numbers that the learner starts with. */
  given() {
    const { film } = this;
    const isGiven = ({ role, label, shape }) => role === "leaf" || (role !== "operation" && (label || shape?.length));
    const nodes = film.nodes.filter(isGiven).slice(0, 60);
    const needed = new Set(film.steps.flatMap((step) => (this.whole[step.index] ? film.nodes[step.node].inputs : [])));
    const isShown = ({ id }) => this.isTable(id) && needed.has(id);
    const [others, arrays] = [nodes.filter((node) => !isShown(node)), nodes.filter(isShown)];
    const isOne = (id) => isSingle(film.numbers.value(id));
    const numbers = others.map(({ name, id, shape }) => (isOne(id) ? `${name} = ${brief(film.numbers.value(id))}` : `${name} of shape ${shape.join("×")}`));
    const tables = arrays.map(({ name, id }) => make("div", {}, `${name} =`, this.table(film.numbers.value(id), true)));
    const given = [...numbers, ...(arrays.length ? ["the arrays below"] : [])].join(", ");
    const large = this.whole.includes(false) ? " Of a large array, some entries are asked for, with the numbers that make them." : "";
    const task = `Write a number into each blank: first the values, then the gradients. After +=, write the sum of what has arrived so far.${large}`;
    return [make("p", {}, `Given: ${given}. ${task}`), make("div", { class: "given" }, ...tables)];
  }

  /** Whether node `k` is an array that is written out. */
  isTable(k) {
    const data = this.film.numbers.value(k);
    if (!isArray(data) || !data.shape.length || !entries(data)?.length) return false;
    return entries(data).length <= SMALL && (data.shape.length === 1 || data.shape.at(-1) <= WIDEST);
  }

  /** The shape of the array that a step computes. */
  shape(step) {
    const { shape } = this.film.nodes[this.film.target(step)];
    return shape?.length ? [make("span", { class: "shape" }, shape.join("×"))] : [];
  }

  /** What a step computes, or blanks for it: a number, an array, or some entries of a large array. */
  numbers(step, isSolved) {
    const { film } = this;
    const data = step.kind === "forward" ? film.numbers.value(step.node) : step.after;
    if (step.kind === "seed" && isSingle(data)) return [];
    const isKnown = isSolved || step.kind === "seed";
    if (!isArray(data)) return [` = ${BLANK}`];
    if (this.whole[step.index]) {
      return isSingle(data) ? [` = ${isKnown ? numberText(single(data)) : BLANK}`] : [this.table(data, isKnown)];
    }
    if (!entries(data)?.length || entries(data).length > MOST_ASKED) return [];
    const last = entries(data).length - 1;
    const places = [...new Set([0, Math.floor(last / 2), last])];
    return places.map((flat) => make("p", {}, this.entry(step, data, flat, isKnown)));
  }

  /** An array as a table of numbers, or of blanks. */
  table(data, isKnown) {
    const columns = Math.min(data.shape.at(-1), WIDEST); // a long vector goes on in the next row
    const cells = Array.from(entries(data), (x) => make("td", {}, isKnown ? numberText(x) : ""));
    const rows = [];
    for (let at = 0; at < cells.length; at += columns) rows.push(make("tr", {}, ...cells.slice(at, at + columns)));
    return make("table", { class: isKnown ? "" : "blanks" }, make("tbody", {}, ...rows));
  }

  /** An entry of a large array with the numbers that make it. If these are too many, the entry itself is given. */
  entry(step, data, flat, isKnown) {
    const { film } = this;
    const node = film.nodes[film.target(step)];
    const name = entryName(node, flat);
    const value = entries(data)[flat];
    const written = isKnown ? numberText(value) : BLANK;
    const made = step.kind === "forward" ? this.made(node, flat, value, written) : this.flowed(step, flat, value, written);
    const asked = step.kind === "forward" ? name : `∂${film.nodes[film.root].name}/∂${name}`;
    return `${asked} ${made ?? `= ${numberText(value)} is given`}`.replace(/([=≈]) (\S+)$/, "$1\u00a0$2"); // a blank stays with its sign
  }

  /** An entry of a value in numbers; null where it is made of too many. */
  made(node, flat, value, written) {
    const sources = sourcesOf(this.film, node, flat);
    const sum = this.view.sum(node, sources, value, written);
    if (sum !== null) return sum;
    return sources?.every((places) => (places ?? []).length <= 1) ? this.view.parts(node, sources, value, written) : null;
  }

  /** An entry of a gradient after a step, as a sum of products; null where it has too many terms. */
  flowed(step, flat, value, written) {
    const { film } = this;
    const { node: to, position, input: from } = step;
    if (!film.isLive || step.kind === "seed") return null;
    const size = [to, ...film.nodes[to].inputs].reduce((sum, k) => sum + film.numbers.size(k), 0);
    if (film.nodes[to].shape.reduce((sum, n) => sum + n, 1) * size > MOST_WORK) return null; // see entriesInto
    const into = entriesInto(film.numbers, to, position, flat);
    if (into === null) return null;
    const terms = into.map((at) => termInto(film, { to, position, at, from, flat, step: step.index })).filter(({ local }) => local !== 0);
    if (!terms.length || terms.length > MOST_TERMS) return null;
    const before = step.before === null ? [] : [step.before.data[flat]];
    const total = (of) => [...before, ...terms.map(({ incoming, local }) => of(incoming) * of(local))].reduce((x, y) => x + y, 0);
    const first = (x, k) => (k ? inProduct(x) : numberText(x));
    const products = terms.map(({ incoming, local }, k) => `${first(incoming, before.length + k)}·${inProduct(local)}`);
    const text = [...before.map(first), ...products].join(" + ");
    const sign = sameFigures(asShown(total(asShown)), asShown(value)) ? "=" : "≈";
    return `= ${text} ${sign} ${written}`;
  }
}
