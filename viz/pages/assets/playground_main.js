// The playground: one history of runs, and views that show where it is.

const WORK = 12; // milliseconds a frame that a replay may take

class Playground {
  constructor(given) {
    this.given = given;
    this.colours = new Colours();
    this.one = (id) => document.getElementById(id);
    this.embedded = location.protocol === "about:";
    this.speed = 5;
    this.due = 0;
    this.adds = 1;
    this.frame = 0;
    this.seedNow = 0;
    const main = document.querySelector("main");
    this.plane = new PlaneView(main, this.colours, given, {
      move: (index, row) => this.change({ kind: "point", index, row }),
      add: (row) => this.change({ kind: "point", index: this.history.now.data.count, row, label: this.adds, isNew: true }),
      pick: (index) => this.pick(index),
    });
    this.chart = new LossChart(this.one("loss"), this.colours);
    this.timeline = new Timeline(this.one("timeline"), (step, run) => this.seek(step, run));
    this.controls = new Controls(given, {
      colours: this.colours,
      change: (change) => this.change(change),
      plane: (k) => this.showPlane(k),
      net: (k) => this.start({ net: k }),
    });
    this.card = new Card(this.one("card"), {
      pick: (index) => this.pick(index),
      hide: (layer, unit, value) => this.change({ kind: "hide", layer, unit, value }),
      close: () => this.closeCard(),
      player: (index) => this.openPlayer(index),
      hasPlayer: () => Boolean(given.player) && this.net === 0 && !this.embedded,
    });
    this.buttons();
    this.keys();
    this.written = location.hash;
    this.start(decodedLink(location.hash, given.programs) ?? {});
    window.addEventListener("hashchange", () => {
      const content = decodedLink(location.hash, given.programs);
      const changed = location.hash !== this.written;
      this.written = location.hash;
      if (content && changed) this.start(content);
    });
    new ResizeObserver(() => this.resize()).observe(main);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
    new MutationObserver(() => this.recolour()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    if (this.embedded) followNotebook();
    this.tick = this.tick.bind(this);
    requestAnimationFrame(this.tick);
  }

  // --- a history

  /** Start again: with a net, a seed, and the changes of a link. */
  start({ net = this.net ?? 0, seed = 0, changes = [], step = 0 }) {
    const { given } = this;
    const about = given.programs[net];
    if (this.net !== net) {
      this.net = net;
      this.network = new NetworkView(document.querySelector(".network"), this.colours, about.layers, given, {
        pick: (layer, unit) => this.pickUnit(layer, unit),
        weight: (wire, value) => this.setWeight(wire.layer, wire.from, wire.to, value),
        weightOf: (wire) => this.history.now.state[wire.layer.weight].data[wire.index],
        light: (wire, x, y) => this.lightWire(wire, x, y),
      });
      this.one("gradients").replaceChildren();
      this.bars = new GradientBars(this.one("gradients"), about.layers);
      this.controls.settings(about.settings);
      this.one("subtitle").textContent = about.subtitle;
      this.listProgram(about.listing);
    }
    this.controls.choices(given.programs, net);
    this.seedNow = seed;
    const makeData = (spec) => (spec.kind === "own" ? DataSet.own(given) : DataSet.drawn(spec, given));
    this.history = new History({ ...about, program: PROGRAMS[net], makeData, seed, spec: { kind: "own" } });
    this.replay = changes.length || step ? { changes: changes.slice(), step } : null;
    this.fitData();
    this.closeCard();
  }

  /** The description of the data that the run trains on. */
  get spec() {
    const { run, now } = this.history;
    return run.path(now.step).filter(([, { kind }]) => kind === "data").at(-1)?.[1].spec ?? { kind: "own" };
  }

  /** Do some of what a link says; whether there is more. */
  goOn() {
    const began = performance.now();
    const { changes, step } = this.replay;
    const { history } = this;
    while (performance.now() - began < WORK) {
      if (changes.length && changes[0][0] <= history.now.step) {
        const [, change] = changes.shift();
        history.change(change);
        if (change.kind === "data") this.fitData();
      } else if (history.now.step < step) history.advance();
      else {
        this.replay = null;
        this.fitData();
        break;
      }
    }
    this.dirty = true;
  }

  change(change) {
    if (this.replay) return;
    const { history } = this;
    const before = change.kind === "setting" ? history.now.state[change.name] : undefined;
    const last = history.run.changes.at(-1);
    const goesOn = last && last[0] === history.now.step && sameTarget(last[1], change);
    history.change({ ...change, before: goesOn ? last[1].before : before });
    if (change.kind === "data") {
      this.fitData();
      this.closeCard();
    }
    if (change.kind === "point") this.plane.data = history.now.data;
    if (change.kind === "hide" && this.card.what?.unit !== undefined) this.pickUnit(change.layer, change.unit);
    this.changed();
  }

  setWeight(layer, from, to, value) {
    const label = `${layer.label}[${from}, ${to}]`;
    this.change({ kind: "weight", name: layer.weight, index: from * layer.units + to, value, label });
  }

  seek(step, run = this.history.run) {
    if (this.replay) return;
    const { data } = this.history.now;
    this.pause();
    this.history.seek(step, run);
    if (this.history.now.data !== data) this.fitData();
    this.changed();
  }

  changed() {
    this.dirty = true;
    this.say("");
    this.plane.drawPoints();
    this.network.lit = null;
    if (this.card.what?.sample !== undefined) this.pick(this.card.what.sample);
    this.write();
  }

  fitData() {
    this.plane.fit(this.history.now.data);
    const held = this.history.now.data.validation;
    this.one("has-validation").hidden = !held;
    this.one("dots").hidden = !held;
    this.one("accuracy-of").textContent = `${held ? "validation" : "training"} accuracy`;
    this.resize();
  }

  showPlane(k) {
    this.plane.plane = this.given.planes[k];
    this.fitData();
  }

  // --- playing

  play() {
    if (this.playing) return this.pause();
    this.say("");
    this.playing = true;
    this.showPlaying();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.showPlaying();
    this.write();
  }

  showPlaying() {
    const button = this.one("play");
    button.setAttribute("aria-pressed", String(Boolean(this.playing)));
    button.setAttribute("aria-label", this.playing ? "Pause" : "Play");
    this.dirty = true;
  }

  step(by) {
    this.pause();
    if (by < 0) return this.seek(this.history.now.step - 1);
    if (this.replay) return;
    this.history.advance();
    this.changed();
  }

  tick(time) {
    requestAnimationFrame(this.tick);
    this.frame += 1;
    if (this.replay) this.goOn();
    else if (this.playing) {
      this.due += this.speed;
      for (; this.due >= 1; this.due -= 1) {
        const loss = this.history.advance();
        this.dirty = true;
        if (Number.isFinite(loss)) continue;
        this.pause();
        this.say(`The loss is ${numberText(loss)} at step ${this.history.now.step - 1}. Go back on the timeline, and lower the learning rate.`);
        this.due = 1;
      }
    }
    if (!this.dirty) return;
    // While it trains, numbers that change too quickly to read are shown less often.
    this.render(!this.playing || this.frame % 6 === 0, !this.playing || this.frame % 3 === 0);
    this.dirty = false;
    this.first ??= time;
  }

  render(everything = true, net = true) {
    const { history } = this;
    const { now } = history;
    const answers = PROGRAMS[this.net].look(now.state, this.plane.grid);
    this.plane.draw(answers.at(-1));
    if (net && this.network.layers.length) this.network.draw(now.state, now.hidden, this.plane.grid, answers);
    const measured = history.measure();
    if (!everything) return;
    this.figures(measured);
    this.chart.draw(history);
    this.bars.draw(now.state);
    this.timeline.draw(history);
    this.controls.show(now, this.spec);
    this.card.refresh();
  }

  figures({ loss, outputs, data }) {
    const { now, run } = this.history;
    this.one("step").textContent = String(now.step);
    const training = run.value("train", now.step) ?? run.value("train", now.step - 1);
    const untrained = () => this.history.program.evaluate(now.state, now.data.X, now.data.y)[0];
    this.one("training").textContent = numberText(training ?? untrained());
    this.one("validation").textContent = numberText(loss);
    this.one("accuracy").textContent = this.accuracy(outputs, data).toFixed(3);
  }

  accuracy({ data: z, shape }, { labels }) {
    const [n, count] = [labels.length, shape[1] ?? 1];
    let right = 0;
    for (let i = 0; i < n; i += 1) {
      right += Number(answered(z, this.given.form, i * count, count) === labels[i]);
    }
    return right / n;
  }

  resize() {
    if (!this.history) return;
    this.plane.resize();
    this.network.resize();
    this.plane.drawPoints();
    this.dirty = true;
  }

  recolour() {
    this.colours.read();
    this.controls.thumbs();
    this.resize();
  }

  // --- samples and units

  pick(index) {
    const { count, X, y } = this.history.now.data;
    const at = (index + count) % count;
    const one = [np.array([at], [1], "int64")];
    const [loss, ...parts] = PROGRAMS[this.net].explain(this.history.now.state, np.getitem(X, one), np.getitem(y, one));
    this.plane.picked = at;
    this.network.marked = null;
    const { labels } = this.history.now.data;
    this.card.sample(at, `${answerText([...parts.at(-2).data], this.given.form, labels[at])} Loss ${numberText(loss)}.`);
    this.numbers(parts, X.data.subarray(at * X.shape[1], (at + 1) * X.shape[1]));
    this.plane.drawPoints();
    this.dirty = true;
  }

  /** The player with this sample's numbers, in a new tab. */
  async openPlayer(index) {
    const { given, history } = this;
    const { data } = history.now;
    const page = await unpacked(given.player);
    const fragment = sampleFragment(history.now, given.programs[0].layers, given.names, data.rows[index], data.y.data[index]);
    open(URL.createObjectURL(new Blob([page], { type: "text/html" })) + fragment);
  }

  /** Values and gradients on the units. */
  numbers(parts, inputs) {
    for (const { column, unit, button } of this.network.units) {
      button.querySelectorAll(".number").forEach((old) => old.remove());
      const texts = column ? [parts[2 * column - 2].data[unit], parts[2 * column - 1].data[unit]] : [inputs[unit]];
      if (!this.network.hasNumbers) continue;
      button.append(
        ...texts.map((x, k) => Object.assign(document.createElement("span"), { className: `number ${k ? "gradient" : "value"}`, textContent: numberText(x, 3) })),
      );
    }
  }

  closeCard() {
    this.card.close();
    this.plane.picked = -1;
    if (!this.history) return;
    this.network.marked = null;
    for (const old of document.querySelectorAll("#units .number")) old.remove();
    this.plane.drawPoints();
    this.dirty = true;
  }

  pickUnit(layer, unit) {
    const { layers } = this.given.programs[this.net];
    this.closeCard();
    this.network.marked = { layer, unit };
    const { state, hidden } = this.history.now;
    const own = layers[layer];
    const inputs = own ? Math.min(own.inputs, 64) : 0;
    const weights = Array.from({ length: inputs }, (_, from) => ({
      name: layer ? `w${from + 1}` : this.given.names[from],
      read: () => this.history.now.state[own.weight].data[from * own.units + unit],
      write: (value) => this.setWeight(own, from, unit, value),
    }));
    if (own?.bias && state[own.bias]) {
      weights.push({
        name: "b",
        read: () => this.history.now.state[own.bias].data[unit],
        write: (value) => this.change({ kind: "weight", name: own.bias, index: unit, value, label: `${own.bias}[${unit}]` }),
      });
    }
    const isLast = layer === layers.length - 1;
    const title = own ? `${isLast ? "output" : `hidden layer ${layer + 1}`}, unit ${unit + 1}: its weights` : `input ${this.given.names[unit]}`;
    this.card.unit(layer, unit, { title, hidden: hidden.has(`${layer}:${unit}`), canHide: !isLast, weights });
    this.dirty = true;
  }

  lightWire(wire, x = 0, y = 0) {
    const tip = this.one("tip");
    tip.hidden = !wire;
    this.dirty = true;
    if (!wire) return;
    const { state } = this.history.now;
    const line = (className, text) => Object.assign(document.createElement("div"), { className, textContent: text });
    const gradient = state[wire.layer.gradient]?.data[wire.index];
    tip.replaceChildren(
      line("", `${wire.layer.label}[${wire.from}, ${wire.to}]`),
      line("weight", `w = ${numberText(state[wire.layer.weight].data[wire.index])}   ↔ drag`),
      line("gradient", `∂L/∂w = ${gradient === undefined ? "–" : numberText(gradient)}`),
    );
    const width = this.network.canvas.clientWidth;
    Object.assign(tip.style, { left: `${Math.max(0, Math.min(width - 210, x + 12))}px`, top: `${Math.max(0, y - 78)}px` });
  }

  // --- page

  /** A sentence at the top of the page, until something changes. */
  say(text) {
    this.one("said").textContent = text;
    this.one("said").classList.toggle("unseen", !text);
  }

  listProgram(lines) {
    let section = "";
    const rows = lines.map((text) => {
      const title = /^# (forward|backward|update|helpers)$/.exec(text);
      if (title) [, section] = title;
      return Object.assign(document.createElement("span"), { className: text.startsWith("#") ? "comment" : section, textContent: `${text}\n` });
    });
    this.one("listing").replaceChildren(...rows);
  }

  /** A logarithmic scale for the losses, or one from 0 on. */
  switchScale() {
    this.chart.isLogarithmic = !this.chart.isLogarithmic;
    this.one("log").setAttribute("aria-pressed", String(this.chart.isLogarithmic));
    this.chart.draw(this.history);
  }

  buttons() {
    const on = (id, act) => this.one(id).addEventListener("click", act);
    on("play", () => this.play());
    on("next", () => this.step(1));
    on("first", () => this.seek(0));
    on("seed", () => this.start({ seed: this.seedNow + 1 }));
    on("share", () => this.share());
    on("theme", switchTheme);
    on("help", () => this.help());
    on("log", () => this.switchScale());
    this.one("speed").addEventListener("change", (event) => {
      this.speed = Number(event.target.value);
      this.due = 0;
    });
    for (const button of document.querySelectorAll("#shown button")) {
      button.addEventListener("click", () => {
        this.network.shown = button.dataset.shows;
        for (const other of document.querySelectorAll("#shown button")) other.setAttribute("aria-pressed", String(other === button));
        this.dirty = true;
      });
    }
    const { form } = this.given;
    this.one("confidence").hidden = form.kind !== "binary";
    const dots = form.targets.map((_, label) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: `A new sample is of class ${form.classes[label]}` });
      button.setAttribute("aria-label", `class ${form.classes[label]}`);
      button.append(Object.assign(document.createElement("i"), { className: `dot-${label}` }), form.classes[label]);
      button.addEventListener("click", () => {
        this.adds = label;
        dots.forEach((other, k) => other.setAttribute("aria-pressed", String(k === label)));
      });
      return button;
    });
    const twice = matchMedia("(pointer: coarse)").matches ? "double-tap" : "double-click";
    this.one("adds").append(`${twice} adds a sample of class `, ...dots);
    dots.forEach((dot, k) => dot.setAttribute("aria-pressed", String(k === this.adds)));
  }

  keys() {
    const acts = { " ": () => this.play(), ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1) };
    Object.assign(acts, { Home: () => this.seek(0), End: () => this.seek(this.history.run.end) });
    Object.assign(acts, { s: () => this.pick((this.card.what?.sample ?? -1) + 1) });
    Object.assign(acts, { n: () => this.start({ seed: this.seedNow + 1 }), d: switchTheme, "?": () => this.help() });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
      if (event.key === " " && event.target.closest("button")) return;
      const act = acts[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  help() {
    const about = this.one("about");
    about.hidden = !about.hidden;
    this.one("help").setAttribute("aria-expanded", String(!about.hidden));
  }

  link() {
    const { run, now } = this.history;
    const changes = run.path(now.step).map(([step, { before, ...change }]) => [step, change]);
    return encodedLink({ net: this.net, seed: this.seedNow, step: now.step, changes });
  }

  write() {
    if (this.embedded || this.replay) return;
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      if (location.hash === this.written) this.put(this.link()); // else a person has typed another: it is read next
    }, 200);
  }

  put(link) {
    history.replaceState(null, "", link);
    this.written = location.hash;
  }

  async share() {
    this.pause();
    const link = this.link();
    if (!this.embedded) this.put(link);
    const url = location.href.replace(/#.*/, "") + link;
    let said = "The link is in the address bar.";
    try {
      await navigator.clipboard.writeText(url);
      said = "The link was copied.";
    } catch {} // a page from a file may not write to the clipboard
    this.say(said);
  }
}

const playground = new Playground(JSON.parse(document.getElementById("data").textContent));
