// Arrays as heat maps.

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
  return isArray(data) && entries(data)?.length > 1 && isNumeric(data);
}

/** A number's colour, from −6 to 6: 0 is that of the paper, and NaN that of what is no number. */
const levelOf = (x, most) => (Number.isFinite(x) ? (most ? Math.round((LEVELS * x) / most) : 0) : NaN);

/** The class of a colour of a value or a gradient. */
const colour = (level, role) => (level !== level ? "cell bad" : `cell ${role} ${level < 0 ? "minus" : "plus"}${Math.abs(level)}`);

const shade = (x, most, role) => colour(levelOf(x, most), role);

/** A small heat map for a box: one path for each colour. `fit` says how large it may be. */
function thumbnail(data, role, { width, height }) {
  const { rows, columns, all } = tableOf(data);
  const [m, n] = [Math.min(rows, MOST_ROWS), Math.min(columns, MOST_COLUMNS)];
  const [w, h] = [Math.min(width / n, 14), Math.min(height / m, 14)];
  const most = scanned(data).size;
  const paths = new Map();
  for (let i = 0; i < m; i += 1) {
    const row = Math.floor((i * rows) / m) * columns;
    for (let j = 0, next = 0; j < n; j = next) {
      const key = levelOf(all[row + Math.floor((j * columns) / n)], most);
      for (next = j + 1; next < n && Object.is(levelOf(all[row + Math.floor((next * columns) / n)], most), key); ) next += 1;
      paths.set(key, `${paths.get(key) ?? ""}M${j} ${i}h${next - j}v1h${j - next}z`); // equal neighbours are one
    }
  }
  const squares = make("g", { transform: `scale(${w} ${h})` }, ...[...paths].map(([key, d]) => make("path", { class: colour(key, role), d })));
  return make("g", { class: "map" }, squares, make("rect", { class: "map-frame", width: n * w, height: m * h }));
}

/**
 * A heat map of squares: {element, light(places), update(data)}. `look` is called with the entry that is pointed at, or
 * reached by the arrow keys from the entry `at`, and `choose` with the one that is clicked. `room` is how large it gets.
 */
function heatMap(data, role, name, { look = null, choose = null, at = 0, room = 130 } = {}) {
  if (!hasMap(data)) return { element: make("span", { class: "plain" }, brief(data) ?? ""), light: () => {} };
  const { rows, columns } = tableOf(data);
  const [m, n] = [Math.min(rows, MOST_ROWS), Math.min(columns, MOST_COLUMNS)];
  const size = Math.max(4, Math.min(22, room / n, room / m));
  const cells = new Map();
  const svg = make("svg", { class: "heat", width: n * size, height: m * size, role: "img" });
  let shown = data;
  const tell = (flat) => {
    const text = `${name}[${indexOf(flat, data.shape)}] = ${numberText(entries(shown)[flat])}`;
    cells.get(flat).replaceChildren(make("title", {}, text));
  };
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const flat = i * columns + j;
      const cell = make("rect", { x: j * size + 0.5, y: i * size + 0.5, width: size - 1, height: size - 1 });
      cell.addEventListener("pointerenter", () => {
        tell(flat);
        if (look) look(flat);
      });
      if (look || choose) cell.addEventListener("click", () => (choose ?? look)(flat));
      cells.set(flat, cell);
      svg.append(cell);
    }
  }
  const update = (now) => {
    shown = now;
    svg.setAttribute("aria-label", `${name}, ${rows} by ${columns}, from ${brief(now, { shape: false })}`);
    const [all, most] = [entries(now), scanned(now).size];
    for (const [flat, cell] of cells) {
      const kind = shade(all[flat], most, role === "gradient-map" ? "g" : "v");
      if (cell.getAttribute("class") !== kind) cell.setAttribute("class", kind);
    }
  };
  update(data);
  if (look || choose) listenToArrows(svg, { rows: m, columns: n, width: columns, at }, choose ?? look);
  const left = rows > m || columns > n ? `, the first ${m}×${n}` : "";
  const element = make("figure", {}, svg, make("figcaption", {}, `${name} ${data.shape.join("×")}${left}`));
  const light = (places) => {
    for (const cell of svg.querySelectorAll(".lit")) cell.classList.remove("lit");
    for (const flat of places) {
      if (!cells.has(flat)) continue;
      tell(flat);
      cells.get(flat).classList.add("lit");
    }
  };
  return { element, light, update };
}

/** The arrow keys of a heat map lead from entry to entry. */
function listenToArrows(svg, { rows, columns, width, at }, look) {
  for (const [key, x] of Object.entries({ tabindex: 0, role: "application", "aria-roledescription": "heat map" })) svg.setAttribute(key, x);
  let [i, j] = [Math.floor(at / width), at % width];
  svg.addEventListener("keydown", (event) => {
    const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1], Enter: [0, 0] }[event.key] ?? [null];
    if (down === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    i = Math.max(0, Math.min(rows - 1, i + down));
    j = Math.max(0, Math.min(columns - 1, j + right));
    look(i * width + j);
  });
}
