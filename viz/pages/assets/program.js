// A selected line highlights its node, what it reads and what reads it. A node highlights its line. Numbers are below.

const { edges, words, names, numbers: given } = JSON.parse(document.getElementById("data").textContent);
const numbers = given.map(arrayOf);
const lines = words.map((_, i) => document.getElementById(`line-${i}`));
const nodes = words.map((_, i) => document.getElementById(`node-${i}`));
const graph = document.getElementById("graph");
const said = document.getElementById("said");
const PADDING = 32; // of the stage around it
let picked = -1;

function light(i) {
  for (const element of document.querySelectorAll("main :is(.lit, .read, .reader)")) {
    element.classList.remove("lit", "read", "reader");
  }
  document.body.classList.toggle("lighting", i >= 0);
  show(i);
  if (i < 0) return;
  const mark = (k, how) => [lines[k], nodes[k]].forEach((element) => element.classList.add(how));
  mark(i, "lit");
  for (const [reader, place, read] of edges) {
    if (reader !== i && read !== i) continue;
    mark(reader === i ? read : reader, reader === i ? "read" : "reader");
    document.getElementById(`edge-${reader}-${place}`)?.classList.add(reader === i ? "read" : "reader");
  }
}

/** The numbers of node `i` and of what it reads: heat maps of arrays, single numbers as text. */
function show(i) {
  const box = document.getElementById("maps");
  if (box.dataset.node === String(i)) return;
  box.dataset.node = i;
  const shown = i < 0 ? [] : [i, ...edges.filter(([reader]) => reader === i).map(([, , read]) => read)].filter((k) => numbers[k] !== null);
  const parts = shown.map((k, at) => {
    const role = /^d(?=\w)/.test(names[k]) ? "gradient-map" : "value-map";
    const element = hasMap(numbers[k]) ? heatMap(numbers[k], role, names[k], { room: 90 }).element : plain(names[k], numbers[k]);
    return at ? [make("span", { class: "sign", "aria-hidden": "true" }, at === 1 ? "←" : ""), element] : [element];
  });
  box.replaceChildren(...parts.flat());
}

function plain(name, data) {
  return make("figure", {}, make("span", { class: odd(data) ? "plain odd" : "plain" }, brief(data)), make("figcaption", {}, name));
}

function pick(i) {
  lines.forEach((line, k) => {
    line.setAttribute("aria-selected", String(k === i));
    line.tabIndex = k === Math.max(i, 0) ? 0 : -1;
  });
  picked = i;
  light(i);
  if (i < 0) return;
  said.textContent = words[i];
  nodes[i].scrollIntoView({ block: "nearest", inline: "nearest" });
}

function zoom(factor) {
  graph.style.width = `${graph.getBoundingClientRect().width * factor}px`;
  if (picked >= 0) nodes[picked].scrollIntoView({ block: "center", inline: "center" });
}

lines.forEach((line, i) => {
  line.addEventListener("focus", () => pick(i));
  nodes[i].addEventListener("click", () => line.focus());
  for (const element of [line, nodes[i]]) {
    element.addEventListener("pointerenter", () => light(i));
    element.addEventListener("pointerleave", () => light(picked));
  }
});

function fit() {
  const { clientWidth, clientHeight } = graph.parentElement;
  const { width, height } = graph.viewBox.baseVal;
  const scale = Math.min((clientWidth - PADDING) / width, (clientHeight - PADDING) / height);
  graph.style.width = `${width * scale}px`;
}

function switchKeys() {
  const keys = document.getElementById("keys");
  keys.hidden = !keys.hidden;
  document.getElementById("help").setAttribute("aria-expanded", String(!keys.hidden));
}

const last = lines.length - 1;
const walk = (by) => () => lines[Math.min(Math.max(picked + by, 0), last)].focus();
const actions = {
  ArrowDown: walk(1),
  ArrowRight: walk(1),
  ArrowUp: walk(-1),
  ArrowLeft: walk(-1),
  Home: walk(-last),
  End: walk(last),
  Escape: () => pick(-1),
  "+": () => zoom(1.3),
  "=": () => zoom(1.3),
  "-": () => zoom(1 / 1.3),
  0: fit,
  d: switchTheme,
  "?": switchKeys,
};
document.addEventListener("keydown", (event) => {
  const scrolls = event.target.closest(".stage, #maps") && event.key.startsWith("Arrow"); // these have the focus to be scrolled
  if (!(event.key in actions) || scrolls || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  actions[event.key]();
});
const on = (id, action) => document.getElementById(id).addEventListener("click", action);
on("zoom-in", () => zoom(1.3));
on("zoom-out", () => zoom(1 / 1.3));
on("fit", fit);
on("theme", switchTheme);
on("help", switchKeys);
if (location.protocol === "about:") followNotebook();
