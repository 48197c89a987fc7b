// A line lights its node, what it reads and what reads it; so does the node its line.

const { edges, words } = JSON.parse(document.getElementById("data").textContent);
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
  if (i < 0) return;
  const mark = (k, how) => [lines[k], nodes[k]].forEach((element) => element.classList.add(how));
  mark(i, "lit");
  for (const [reader, place, read] of edges) {
    if (reader !== i && read !== i) continue;
    mark(reader === i ? read : reader, reader === i ? "read" : "reader");
    document.getElementById(`edge-${reader}-${place}`)?.classList.add(reader === i ? "read" : "reader");
  }
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

document.getElementById("lines").addEventListener("keydown", (event) => {
  const last = lines.length - 1;
  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -last, End: last };
  if (event.key === "Escape") pick(-1);
  if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  lines[Math.min(Math.max(picked + steps[event.key], 0), last)].focus();
});
document.getElementById("zoom-in").addEventListener("click", () => zoom(1.3));
document.getElementById("zoom-out").addEventListener("click", () => zoom(1 / 1.3));
document.getElementById("fit").addEventListener("click", () => {
  const { clientWidth, clientHeight } = graph.parentElement;
  const { width, height } = graph.viewBox.baseVal;
  const scale = Math.min((clientWidth - PADDING) / width, (clientHeight - PADDING) / height);
  graph.style.width = `${width * scale}px`;
});
