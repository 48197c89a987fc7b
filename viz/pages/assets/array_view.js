// The arrays of an operation side by side: an entry under the pointer highlights those that make it.

const MOST_TERMS = 9; // that are written out
const PRODUCTS = ["matmul", "linear", "conv"];
const SUMS = ["sum", "mean", "cumsum"];

/** A factor that is not the first one. */
const inProduct = (x) => (x < 0 ? `(${numberText(x)})` : numberText(x));

/** The arrays of an operation side by side. An entry under the pointer highlights those that make it. */
class ArrayView {
  constructor(film) {
    this.film = film;
    this.looked = null; // the entry of a result that was pointed at last
  }

  /** The operation's inputs and its value as heat maps; none where there is nothing to see. */
  operation(node) {
    const { film } = this;
    const data = film.numbers.value(node.id);
    const inputs = node.inputs.map((i) => film.numbers.value(i));
    if (!hasMap(data) && !inputs.some(hasMap)) return [];
    const said = make("p", { class: "lens", role: "status" }, "Point at an entry of the result to see which entries make it.");
    if (this.looked?.node !== node.id) this.looked = null;
    const maps = inputs.map((x, n) => heatMap(x, "value-map", film.nodes[node.inputs[n]].name));
    const known = hasMap(data) && sourcesOf(film, node, 0) !== null;
    const look = (flat) => this.light(node, flat, maps, said);
    const result = heatMap(data, "value-map", node.name, known ? { look, at: this.looked?.flat ?? 0 } : {});
    const sign = { matmul: "@", linear: "@" }[node.op] ?? node.symbol;
    const row = make("div", { class: "maps" });
    maps.forEach((map, n) => {
      if (n) row.append(make("span", { class: "sign" }, n === 2 && node.op === "linear" ? "+" : sign));
      row.append(map.element);
    });
    if (maps.length === 1) row.prepend(make("span", { class: "sign" }, sign));
    row.append(make("span", { class: "sign" }, "="), result.element);
    if (known && this.looked) look(this.looked.flat);
    return [row, ...(known ? [said] : [])];
  }

  /** Light what makes entry `flat`, and say it in numbers. */
  light(node, flat, maps, said) {
    const sources = sourcesOf(this.film, node, flat);
    this.looked = { node: node.id, flat };
    maps.forEach((map, n) => map.light(new Set(sources?.[n] ?? [])));
    const value = this.film.numbers.entry(node.id, flat);
    said.textContent = `${entryName(node, flat)} ${this.sum(node, sources, value) ?? this.parts(node, sources, value)}`;
  }

  /** An entry as a sum of products, as a sum, or as an extreme, where it is one; null of other operations. */
  sum(node, sources, value, written = numberText(value)) {
    const { numbers } = this.film;
    const [xs, ws, rest] = node.inputs.map((i, n) => (sources?.[n] ?? []).map((at) => numbers.entry(i, at)));
    if (!xs.length || xs.length > MOST_TERMS) return null;
    if (node.settings?.axes || node.settings?.window) {
      return `= the ${node.op === "min" ? "smallest" : "largest"} of ${xs.map((x) => numberText(x)).join(", ")} = ${written}`;
    }
    const isProduct = PRODUCTS.includes(node.op) && ws?.length === xs.length;
    if (!isProduct && !(SUMS.includes(node.op) && xs.length > 1)) return null;
    const bias = isProduct && rest?.length === 1 ? rest : [];
    const total = (of) => [...xs.map((x, k) => of(x) * (isProduct ? of(ws[k]) : 1)), ...bias.map(of)].reduce((x, y) => x + y);
    const terms = xs.map((x, k) => {
      const first = k ? inProduct(x) : numberText(x);
      return isProduct ? `${first}·${inProduct(ws[k])}` : first;
    });
    const text = [...terms, ...bias.map(inProduct)].join(" + ");
    const share = node.op === "mean" ? xs.length : 1;
    const sign = sameFigures(total(asShown) / share, asShown(value)) ? "=" : "≈";
    return `= ${share > 1 ? `(${text}) / ${share}` : text} ${sign} ${written}`;
  }

  /** An entry, and the entries that it was made of. */
  parts(node, sources, value, written = numberText(value)) {
    const { film } = this;
    const made = node.inputs.flatMap((i, n) => {
      const all = sources?.[n];
      if (!all?.length || film.nodes[i].name === numberText(single(film.numbers.value(i)))) return []; // no "2 = 2"
      if (all.length === 1) return [`${entryName(film.nodes[i], all[0])} = ${numberText(film.numbers.entry(i, all[0]))}`];
      return [`${all.length} entries of ${film.nodes[i].name}`];
    });
    return `= ${written}${made.length ? `, made of ${made.join(", ")}` : ", made of none of the entries"}`;
  }
}
