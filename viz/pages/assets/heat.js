// Arrays as heat maps, and which entries of its inputs make an entry of an operation.

const LEVELS = 6; // of colour on either side of 0
const MOST_ROWS = 24;
const MOST_COLUMNS = 32;

/** An array as rows and columns: of more axes than two, the first ones are put together. */
function tableOf(data) {
  const columns = data.shape.at(-1) ?? 1;
  const all = entries(data);
  return { rows: columns ? all.length / columns : 0, columns, all };
}

/** Whether a heat map says something: several numbers, all of them given. */
function hasMap(data) {
  return isArray(data) && data.values !== undefined && entries(data).length > 1 && typeof entries(data)[0] === "number";
}

/** The largest finite size in the data, to which its colours are scaled. */
function largest(data) {
  return entries(data).reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
}

/** The class of a number's colour: of a value or a gradient, from −6 to 6; 0 is the colour of the paper. */
function shade(x, most, role) {
  if (!Number.isFinite(x)) return "cell bad";
  const level = most ? Math.round((LEVELS * x) / most) : 0;
  return `cell ${role} ${level < 0 ? "minus" : "plus"}${Math.abs(level)}`;
}

/** A small heat map for a box: one path for each colour. `fit` says how large it may be. */
function thumbnail(data, role, { width, height }) {
  const { rows, columns, all } = tableOf(data);
  const [m, n] = [Math.min(rows, MOST_ROWS), Math.min(columns, MOST_COLUMNS)];
  const [w, h] = [Math.min(width / n, 14), Math.min(height / m, 14)];
  const most = largest(data);
  const paths = new Map();
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const x = all[Math.floor((i * rows) / m) * columns + Math.floor((j * columns) / n)];
      const key = shade(x, most, role);
      const square = `M${(j * w).toFixed(1)} ${(i * h).toFixed(1)}h${w.toFixed(1)}v${h.toFixed(1)}h-${w.toFixed(1)}z`;
      paths.set(key, (paths.get(key) ?? "") + square);
    }
  }
  const frame = make("rect", { class: "map-frame", width: n * w, height: m * h });
  return make("g", { class: "map" }, ...[...paths].map(([key, d]) => make("path", { class: key, d })), frame);
}

/** The flat places in the inputs of `node` that make entry `flat` of its value, for each input; null where unknown. */
function sourcesOf(film, node, flat) {
  const shapes = node.inputs.map((i) => film.nodes[i].shape);
  const at = indexOf(flat, node.shape);
  if (node.op === "matmul" || node.op === "linear") return productSources(shapes, at);
  if (node.settings?.reduces) return shapes.map((shape) => summedSources(shape, node.settings, at));
  if (!node.settings?.elementwise) return null;
  return shapes.map((shape) => [flatOf(at.slice(at.length - shape.length).map((k, d) => (shape[d] === 1 ? 0 : k)), shape)]);
}

/** Of `x @ W`, the row of x and the column of W; of a bias, its entry. */
function productSources([left, right, bias], at) {
  if (left?.length !== 2 || right?.length !== 2) return null;
  const [i, j] = at;
  const inner = [...Array(left[1]).keys()];
  const found = [inner.map((k) => i * left[1] + k), inner.map((k) => k * right[1] + j)];
  return bias ? [...found, [j]] : found;
}

/** Of a sum over axes, the entries that were added. */
function summedSources(shape, { axes, keepdims }, at) {
  const kept = shape.map((_, d) => d).filter((d) => !axes.includes(d));
  const place = (d) => at[keepdims ? d : kept.indexOf(d)];
  const size = shape.reduce((x, y) => x * y, 1);
  return [...Array(size).keys()].filter((flat) => {
    const index = indexOf(flat, shape);
    return kept.every((d) => index[d] === place(d));
  });
}

const flatOf = (index, shape) => index.reduce((flat, k, d) => flat * shape[d] + k, 0);

/** A factor that is not the first one. */
const inProduct = (x) => (x < 0 ? `(${numberText(x)})` : numberText(x));

/** The arrays of an operation side by side. An entry under the pointer lights those that make it. */
class ArrayView {
  constructor(film) {
    this.film = film;
  }

  /** The operation's inputs and its value as heat maps; none where there is nothing to see. */
  operation(node) {
    const { film } = this;
    const data = film.numbers.value(node.id);
    const inputs = node.inputs.map((i) => film.numbers.value(i));
    if (!hasMap(data) && !inputs.some(hasMap)) return [];
    const said = make("p", { class: "lens", role: "status" }, "Point at an entry of the result: what makes it lights up.");
    const maps = inputs.map((x, n) => this.map(x, "value-map", film.nodes[node.inputs[n]].name));
    const look = (flat) => this.light(node, flat, maps, said);
    const result = this.map(data, "value-map", node.name, sourcesOf(film, node, 0) ? look : null);
    const sign = { matmul: "@", linear: "@" }[node.op] ?? node.symbol;
    const row = make("div", { class: "maps" });
    maps.forEach((map, n) => {
      if (n) row.append(make("span", { class: "sign" }, n === 2 && node.op === "linear" ? "+" : sign));
      row.append(map.element);
    });
    if (maps.length === 1) row.prepend(make("span", { class: "sign" }, sign));
    row.append(make("span", { class: "sign" }, "="), result.element);
    return [row, ...(sourcesOf(film, node, 0) ? [said] : [])];
  }

  /** Light what makes entry `flat`, and say it in numbers. */
  light(node, flat, maps, said) {
    const sources = sourcesOf(this.film, node, flat);
    maps.forEach((map, n) => map.light(new Set(sources?.[n] ?? [])));
    const name = (i, at) => `${this.film.nodes[i].name}[${indexOf(at, this.film.nodes[i].shape)}]`;
    const value = numberText(single({ values: entriesOf(this.film.numbers.value(node.id))[flat] }));
    const used = node.inputs.map((i, n) => {
      const all = sources?.[n] ?? [];
      const numbers = entriesOf(this.film.numbers.value(i));
      if (all.length === 1) return `${name(i, all[0])} = ${numberText(numbers[all[0]])}`;
      return `${this.film.nodes[i].name}: ${all.length} entries`;
    });
    let sum = "";
    if ((node.op === "matmul" || node.op === "linear") && sources[0].length <= 6) {
      const [x, w] = node.inputs.map((i) => entriesOf(this.film.numbers.value(i)));
      sum = sources[0].map((at, k) => `${numberText(x[at])}·${inProduct(w[sources[1][k]])}`).join(" + ");
      if (sources[2]) sum += ` + ${numberText(entriesOf(this.film.numbers.value(node.inputs[2]))[sources[2][0]])}`;
    }
    said.textContent = `${name(node.id, flat)} = ${sum ? `${sum} ≈ ` : ""}${value}${sum ? "" : `, made of ${used.join(", ")}`}`;
  }

  /** A heat map of squares that can be pointed at: {element, light(places)}. */
  map(data, role, name, look = null) {
    if (!hasMap(data)) return { element: make("span", { class: "plain" }, brief(data) ?? ""), light: () => {} };
    const { rows, columns, all } = tableOf(data);
    const most = largest(data);
    const [m, n] = [Math.min(rows, MOST_ROWS), Math.min(columns, MOST_COLUMNS)];
    const size = Math.max(6, Math.min(22, 130 / n, 130 / m));
    const cells = [];
    const svg = make("svg", { class: "heat", width: n * size, height: m * size, role: "img" });
    svg.setAttribute("aria-label", `${name}, ${rows} by ${columns}, from ${brief(data, { shape: false })}`);
    for (let i = 0; i < m; i += 1) {
      for (let j = 0; j < n; j += 1) {
        const flat = i * columns + j;
        const place = { x: j * size + 0.5, y: i * size + 0.5, width: size - 1, height: size - 1 };
        const said = make("title", {}, `${name}[${indexOf(flat, data.shape)}] = ${numberText(all[flat])}`);
        const cell = make("rect", { class: shade(all[flat], most, role === "gradient-map" ? "g" : "v"), ...place }, said);
        if (look) for (const type of ["pointerenter", "click"]) cell.addEventListener(type, () => look(flat));
        cells[flat] = cell;
        svg.append(cell);
      }
    }
    const left = rows > m || columns > n ? `, the first ${m}×${n}` : "";
    const element = make("figure", {}, svg, make("figcaption", {}, `${name} ${data.shape.join("×")}${left}`));
    const light = (places) => cells.forEach((cell, flat) => cell.classList.toggle("lit", places.has(flat)));
    return { element, light };
  }
}

/** The entries of data of any kind. */
function entriesOf(data) {
  return isArray(data) ? entries(data) ?? [] : [data];
}
