// The timeline: a track for each run, which leaves its parent's where it was changed.

const SVG = "http://www.w3.org/2000/svg";
const TRACK = 30; // pixels from one track to the next

class Timeline {
  constructor(root, seek) {
    this.root = root;
    this.svg = root.querySelector("#tracks");
    this.slider = root.querySelector("#when");
    this.runs = root.querySelector("#runs");
    this.seek = seek;
    this.slider.addEventListener("input", () => seek(Number(this.slider.value)));
    this.known = -1;
  }

  draw(history) {
    const width = this.svg.clientWidth;
    const last = Math.max(100, ...history.runs.map((run) => run.end));
    const x = (step) => 10 + ((width - 20) * step) / last;
    const y = (run) => 18 + run.number * TRACK;
    this.svg.setAttribute("height", 36 + (history.runs.length - 1) * TRACK);
    // How far the current run goes along each of its ancestors.
    this.led = new Map();
    for (let run = history.run; run.parent; run = run.parent) this.led.set(run.parent, run.from);
    const parts = history.runs.flatMap((run) => this.track(run, history, x, y));
    this.svg.replaceChildren(...parts);
    this.slider.max = String(Math.max(history.run.end, 1));
    this.slider.value = String(history.now.step);
    const { run } = history;
    const row = run.at(history.now.step);
    // The slider itself is invisible: it is on the run's track, and moves the track's knob.
    Object.assign(this.slider.style, { width: `${Math.max(60, x(run.end) - x(0) + 20)}px`, top: `${y(row) - 14}px` });
    this.slider.setAttribute("aria-valuetext", `step ${history.now.step} of ${history.run.end}`);
    if (this.known !== history.runs.length || this.here !== history.run) this.list(history);
    this.name(history);
  }

  track(run, history, x, y) {
    const isHere = run === history.run;
    const line = make("path", { class: `track${isHere ? " here" : ""}${run.parent ? " fork" : ""}` });
    const start = x(run.from);
    const bend = run.parent ? `M${start} ${y(run.parent)}C${start + 18} ${y(run.parent)} ${start} ${y(run)} ${start + 22} ${y(run)}` : `M${start} ${y(run)}`;
    line.setAttribute("d", `${bend}L${Math.max(x(run.end), start + (run.parent ? 22 : 0))} ${y(run)}`);
    const led = this.led.get(run);
    const before = led > run.from && !isHere ? [make("path", { class: `track here${run.parent ? " fork" : ""}`, d: `${bend}L${x(led)} ${y(run)}` })] : [];
    const marks = run.changes.slice(-40).map(([step, change]) => {
      const mark = make("circle", { class: "change", cx: x(step), cy: run.parent && step === run.from ? y(run.parent) : y(run), r: 4 });
      const title = make("title", {});
      title.textContent = `${step}: ${changeText(change, change.before)}`;
      mark.append(title);
      return mark;
    });
    const parts = [line, ...before, ...marks];
    if (isHere) parts.push(make("circle", { class: "now", cx: x(history.now.step), cy: y(history.now.step < run.from && run.parent ? run.at(history.now.step) : run), r: 7 }));
    return parts;
  }

  /** A button for each run. */
  list(history) {
    this.known = history.runs.length;
    this.here = history.run;
    this.labels = history.runs.map((run) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = run.parent ? "fork" : "first";
      button.setAttribute("aria-pressed", String(run === history.run));
      button.addEventListener("click", () => this.seek(run.end, run));
      return button;
    });
    this.runs.replaceChildren(...this.labels);
  }

  name(history) {
    history.runs.forEach((run, k) => {
      const [first] = run.changes;
      const what = run.parent ? `fork at ${run.from}${first ? `: ${changeText(first[1], first[1].before)}` : ""}` : "first run";
      const loss = run.train.at(-1);
      this.labels[k].textContent = `${what} · ${run.end} steps${loss === undefined ? "" : ` · loss ${numberText(loss)}`}`;
    });
  }
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
