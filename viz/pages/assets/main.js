// The player: one number, how many steps are done, from which everything on the page follows.

/** What a box has room for: single numbers as everywhere, those of an array with a digit less. */
const boxed = (data, form) => brief(data, { ...form, digits: isSingle(data) ? 4 : 3 });

const MARKED = 12; // leaves that are all marked as ones to change

class Player {
  constructor(data) {
    this.film = new Film(data);
    this.address = new Address(this.film);
    this.audit = {};
    for (const finding of data.audit) (this.audit[finding.node] ??= []).push(finding);
    const pick = (i) => this.pick(i);
    const seek = (count) => this.seek(count);
    this.graph = new GraphView(this.drawing(data), pick);
    this.folded = new FoldedBoxes(this.film, this.graph);
    this.folded.look();
    this.motion = new Motion(this.graph);
    this.leaves = new Leaves(this.film, this.graph, (k) => this.changed(k));
    this.descent = new Descent(this.film, this.leaves);
    this.panel = new StepPanel(this.film, data.notes);
    this.stops = new Set(data.stops);
    const parts = { why: data.why, audit: this.audit, leaves: this.leaves, descent: this.descent };
    this.inspector = new Inspector(this.film, parts, pick, (steps) => this.walk(steps));
    this.table = new StepTable(this.film, seek);
    this.quiz = new Quiz(data.quiz, this.film, () => this.render(), () => this.step(1));
    this.count = -1;
    this.picked = null;
    this.drawn = { fills: [], labels: [] };
    this.network = data.network && new NetworkView(data.network, this.film, (i, at) => this.pickEntry(i, at));
    this.worksheet = new Worksheet(this.film, { blank: () => this.blank(), restore: () => this.unblank() });
    this.graph.wheelScrolls = this.address.embedded;
    if (this.address.embedded) followNotebook();
    this.nameWrong(data.audit);
    this.controls();
    this.keys();
    this.search();
    this.invite();
    this.follow({ silent: true });
    this.graph.onarrange = () => {
      this.folded.look();
      this.restore();
    };
    if (this.network) this.joinSamples();
    this.graph.onrefuse = (text) => this.panel.refuse(text);
    this.restore();
    window.addEventListener("hashchange", () => this.follow());
  }

  /** The sample of the network and the turn of the loop over the samples are the same. */
  joinSamples() {
    const { network, graph } = this;
    const loop = graph.folding.groups.findIndex(({ turns, parent }) => parent < 0 && turns?.length === network.samples);
    if (loop < 0) return;
    network.onsample = (sample) => graph.chooseTurn(loop, sample);
    graph.onturn = (g, turn) => g === loop && network.choose(turn);
  }

  /** What the graph's view draws: the trace's nodes with the texts of their boxes. */
  drawing({ place, sizes, folding }) {
    const { film } = this;
    const few = film.nodes.length <= 60;
    const nodes = film.nodes.map((node, i) => ({
      title: node.role === "operation" ? `${node.symbol}  ${node.name}` : node.name,
      kind: node.root ? "root" : node.parameter ? "parameter" : node.role,
      isOperation: node.role === "operation",
      collects: node.collects,
      canChange: film.numbers.canChange(i) && film.numbers.size(i) === 1,
      tab: few || film.numbers.canChange(i) ? 0 : -1,
      size: sizes[i],
    }));
    const first = film.steps[0].node; // where stepping begins
    return { nodes, edges: film.edges, folding: new Folding(folding, nodes, film.edges), place, first };
  }

  // --- moving

  /** Go where the address says. */
  follow({ silent = false } = {}) {
    const { step, view, changes } = this.address.read();
    if (changes.length) {
      const { numbers } = this.film;
      for (const k of this.leaves.list) numbers.change(k, numbers.original[k]);
      for (const [k, i, x] of changes) numbers.changeEntry(k, i, x);
      this.leaves.refresh(null);
    }
    this.seek(step ?? Math.max(this.count, 0), { silent });
    if (this.network && view === "network" !== this.network.isOn) this.switchNetwork();
  }

  /** Keep the address true to what is shown. */
  share() {
    const view = this.network?.isOn ? "network" : "graph";
    this.address.write({ step: this.count, view, differing: this.leaves.differing });
  }

  /** Show the moment at which `count` steps are done. */
  seek(count, { silent = false, travels = false } = {}) {
    count = Math.max(0, Math.min(this.film.length, count));
    if (count === this.count) return;
    this.count = count;
    if (this.quiz.asks(count - 1)) {
      this.pause();
      this.quiz.open(count - 1);
    } else this.quiz.close();
    this.render(silent);
    if (travels && !this.quiz.asked) this.travel();
    else this.motion.clear();
    if (this.timer && this.stops.has(count - 1)) this.pause();
    this.share();
  }

  /** A number was changed: of leaf `k`, or of many if it is null. Everything follows. */
  changed(k) {
    this.motion.clear();
    if (this.descent && !this.descent.isStepping) this.descent.forget();
    if (this.count === 0 && k !== null) return this.seek(this.film.length, { silent: true });
    this.drawn = { fills: [], labels: [], seenOnly: true };
    this.table.isStale = true;
    if (this.quiz.asked) this.quiz.open(this.count - 1);
    this.render(true);
    this.drawn.seenOnly = false;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.fill(this.quiz.asked ? this.count - 1 : this.count), 100);
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      this.share();
      this.panel.say(this.summary());
    }, 250);
    return null;
  }

  /** What a screen reader says after a change. */
  summary() {
    const { film, leaves } = this;
    const { numbers } = film;
    const number = (data, i = 0) => FORMS.words.number(isArray(data) ? data.data[i] : data);
    const root = `${film.nodes[film.root].name} is ${isSingle(numbers.value(film.root)) ? number(numbers.value(film.root)) : brief(numbers.value(film.root))}`;
    const changed = leaves.differing.slice(0, 3).map(([k, places]) => {
      if (places.length > 1) return leaves.change(k, places);
      const gradient = film.nodes[k].collects ? `, its gradient ${number(numbers.gradient(k), places[0])}` : "";
      return `${entryName(film.nodes[k], places[0])} is ${number(numbers.value(k), places[0])}${gradient}`;
    });
    return [...changed, root].join(". ");
  }

  /** Let the number of the present step travel along its edge. */
  travel() {
    const { film, motion } = this;
    const step = film.steps[this.count - 1];
    const duration = Math.min(900, 0.75 * this.delay());
    if (!step || step.kind === "seed") return motion.clear();
    const few = (data) => (data === null ? "" : brief(data, { digits: 4 }));
    if (step.kind === "backward") {
      const local = step.local !== null && isSingle(step.local) ? ` × ${numberText(single(step.local))}` : "";
      const texts = [few(step.incoming) + local, few(step.contribution)];
      return motion.run([film.edgeOf(step)], () => texts, { duration, back: true });
    }
    const edges = film.nodes[step.node].inputs.map((_, n) => film.edgeAt.get(`${step.node} ${n}`)).slice(0, 8);
    const value = (k) => few(film.numbers.value(film.edges[k][0]));
    return motion.run(edges, (k) => [value(k), value(k)], { duration, back: false });
  }

  /** For paper: the whole graph as it is before the first step, in light colours. */
  blank() {
    this.pause();
    this.motion.clear();
    this.kept = { theme: document.documentElement.dataset.theme, view: this.graph.view };
    document.documentElement.dataset.theme = "light";
    this.fill(0);
    this.light(undefined);
    this.graph.fit();
    const { width, height } = this.graph.size;
    this.graph.svg.setAttribute("viewBox", `0 0 ${width} ${height}`); // a page of paper is narrower than the window
  }

  unblank() {
    this.graph.svg.removeAttribute("viewBox");
    if (this.kept.theme) document.documentElement.dataset.theme = this.kept.theme;
    else delete document.documentElement.dataset.theme;
    this.graph.view = this.kept.view;
    this.graph.apply();
    this.render(true);
  }

  /** Mark the leaves that can be changed, if they are few, and say it at the lowest one in sight, which has room below it. */
  invite() {
    const { graph, leaves } = this;
    const touch = matchMedia("(pointer: coarse)").matches;
    const isSmall = (k) => this.film.numbers.size(k) === 1;
    const placed = leaves.list.filter((k) => graph.anchor[k] === null);
    const names = placed.slice(0, 3).map((k) => cut(this.film.nodes[k].name, 100));
    const leaf = names.length ? `a leaf (${names.join(", ")}${placed.length > 3 ? ", …" : ""})` : "a leaf";
    const dragged = touch ? `Tap ${leaf} and slide its number, or drag it sideways.` : `Drag ${leaf} sideways, or click it and type.`;
    const picked = `${touch ? "Tap" : "Click"} ${leaf}: its entries can be ${touch ? "changed" : "typed, dragged sideways and changed with ↑ and ↓"}.`;
    document.getElementById("hint").textContent = `${leaves.list.every(isSmall) ? dragged : picked} Values and gradients follow at once.`;
    if (!placed.length) return;
    const seen = placed.filter((k) => graph.sees(k));
    const first = (seen.length ? seen : placed).reduce((low, k) => (graph.at[k][1] > graph.at[low][1] ? k : low));
    const { g } = graph.boxes[first];
    const [w, h] = graph.nodes[first].size;
    for (const k of placed.length <= MARKED ? placed : [first]) graph.boxes[k].g.classList.add("invites");
    const all = placed.length > 1 && placed.every(isSmall) && w > 100 ? " any leaf" : ""; // as wide as the box at most
    const text = make("text", { class: "invitation", x: w / 2, y: h + 19, "text-anchor": "middle" });
    text.textContent = !isSmall(first) ? (touch ? "tap: change an entry" : "click: change an entry") : `${touch ? "drag or tap" : "drag or type"}${all}`;
    g.append(text);
  }

  /** Do one step, or take it back. */
  step(by) {
    this.seek(this.count + by, { travels: by > 0 });
  }

  play() {
    if (this.timer) return this.pause();
    if (this.count === this.film.length) this.seek(0);
    const tick = () => {
      this.step(1);
      if (this.count === this.film.length) this.pause();
      if (this.timer) this.timer = setTimeout(tick, this.delay());
    };
    this.timer = setTimeout(tick, 150);
    return this.showPlaying();
  }

  delay() {
    return 1200 / Number(document.getElementById("speed").value);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = null;
    this.showPlaying();
  }

  showPlaying() {
    const button = document.getElementById("play");
    button.classList.toggle("on", Boolean(this.timer));
    button.querySelector("span").textContent = this.timer ? "Pause" : "Play";
  }

  // --- showing

  render(silent = Boolean(this.timer) && this.delay() < 1200) {
    const { count, film } = this;
    const { asked } = this.quiz;
    const known = asked ? count - 1 : count; // a gradient that is asked for is not shown yet
    const began = performance.now();
    this.nameOdd();
    this.fill(known);
    this.light(film.steps[count - 1]);
    this.panel.show(count, { asked, silent });
    this.inspect(known);
    this.table.show(count, this.quiz.on ? known : film.length);
    const slider = document.getElementById("slider");
    slider.value = count;
    slider.className = count > film.seed ? "backward" : "";
    slider.setAttribute("aria-valuetext", `Step ${count} of ${film.length}`);
    this.paintTrack(slider);
    document.getElementById("count").textContent = `step ${count} of ${film.length}`;
    this.network?.show(known);
    this.network?.follow(film.steps[known - 1]);
    for (const id of ["first", "back"]) document.getElementById(id).disabled = count === 0;
    for (const id of ["next", "last"]) document.getElementById(id).disabled = count === film.length;
    performance.measure("step", { start: began });
  }

  /** The track: violet up to the seed, rust after it, as far as the steps are done. */
  paintTrack(slider) {
    const { film, count } = this;
    const part = (steps) => `${((100 * steps) / film.length).toFixed(2)}%`;
    const [seed, done] = [part(Math.min(film.seed, count)), part(count)];
    const stops = `var(--forward) ${seed}, var(--backward) ${seed} ${done}, var(--line) ${done}`;
    slider.style.setProperty("--filled", `linear-gradient(to right, ${stops})`);
    slider.closest(".track").style.setProperty("--seed", part(film.seed));
  }

  /**
   * Write values, gradients and local derivatives: only those that differ from what is drawn. While a number is changed
   * these are only the visible ones; the rest follows when the drag pauses.
   */
  fill(known) {
    const { film, graph, drawn } = this;
    film.nodes.forEach((node, i) => {
      if (graph.anchor[i] !== null) return; // in a folded box
      const arrived = film.arrived(i, known);
      const key = `${film.made[i] < known} ${arrived}`;
      if (drawn.fills[i] === key || (drawn.seenOnly && !graph.sees(i))) return;
      drawn.fills[i] = key;
      const value = boxed(film.value(i, known));
      const grad = boxed(film.gradient(i, known), { shape: false });
      const share = arrived / Math.max(1, film.arrivals[i].length);
      const parts = [node.name, film.expression(i)];
      parts.push(value === null ? "not computed yet" : `value ${value}`, grad && `gradient ${grad}`);
      if (film.numbers.canChange(i)) parts.push(film.numbers.size(i) === 1 ? "up and down arrows change it" : "its entries can be changed");
      const isOdd = { value: value !== null && odd(film.numbers.value(i)), grad: grad !== null && odd(film.gradient(i, known)) };
      const shown = value === node.name ? "" : value;
      const maps = (room) => this.maps(i, known, room);
      graph.fill(i, { value: shown, grad, share, isOdd, maps, spoken: parts.filter(Boolean).join(", ") });
      graph.boxes[i]?.g.classList.toggle("changed", film.numbers.canChange(i) && film.numbers.changedEntries(i).length > 0);
    });
    this.folded.fill(known);
    film.edges.forEach((_, k) => {
      if (!graph.wires[k]) return;
      const done = film.given[k] >= 0 && film.given[k] < known && !graph.bundles.has(k);
      if (drawn.labels[k] === done || (drawn.seenOnly && !graph.sees(film.edges[k][1]))) return;
      drawn.labels[k] = done;
      graph.label(k, done ? this.local(film.steps[film.given[k]]) : "");
    });
  }

  /** The heat maps of a box: the value on the left, the gradient on the right. */
  maps(i, known, room) {
    const { film } = this;
    const found = [];
    const [value, gradient] = [film.value(i, known), film.gradient(i, known)];
    if (hasMap(value)) found.push(thumbnail(value, "v", room));
    if (!hasMap(gradient)) return found;
    const map = thumbnail(gradient, "g", room);
    map.setAttribute("transform", `translate(${room.width + 10} 0)`);
    return [...found, map];
  }

  /** The local derivative of a step in a few characters. */
  local(step) {
    const { film } = this;
    const digits = this.graph.place ? 4 : 3; // as many as there is room for
    if (!film.numbers.hasLocal(step)) return "";
    if (!film.nodes[step.node].shape) return numberText(step.local, digits);
    if (!film.nodes[step.node].shape.length) return brief(step.local, { digits });
    return step.localText.length <= 14 ? step.localText : "";
  }

  light(step) {
    const { film, graph } = this;
    if (!step) return graph.light({ nodes: [], edges: [] });
    if (step.kind === "backward") {
      graph.light({
        nodes: [[step.node, "gives"], [step.input, "on-backward"]],
        edges: [[film.edgeOf(step), "on-backward"]],
      });
      return this.bring(step.input);
    }
    const forward = step.kind === "forward";
    const edges = film.nodes[step.node].inputs.map((_, position) => film.edgeAt.get(`${step.node} ${position}`));
    graph.light({
      nodes: [[step.node, forward ? "on-forward" : "on-backward"]],
      edges: forward ? edges.map((k) => [k, "on-forward"]) : [],
    });
    return this.bring(step.node);
  }

  /** Move the view to a step's node; while a number is changed, the view does not move. */
  bring(i) {
    if (!this.drawn.seenOnly) this.graph.follow(i);
  }

  inspect(known) {
    const step = this.film.steps[this.count - 1];
    const subject = this.picked ?? (step ? this.film.target(step) : this.film.root);
    this.inspector.show(subject, known, this.picked !== null);
    this.leaves.showEditor(subject);
  }

  /** What folding and unfolding has to leave as it was. */
  restore() {
    this.nameFold();
    if (this.count >= 0) this.fill(this.quiz.asked ? this.count - 1 : this.count);
    this.light(this.film.steps[this.count - 1]);
    this.graph.mark("picked", this.picked === null ? [] : [this.picked]);
    this.paintAudit();
  }

  paintAudit() {
    for (const verdict of ["undecidable", "wrong"]) {
      const found = Object.values(this.audit).flat().filter((finding) => finding.verdict === verdict);
      this.graph.mark(verdict, found.map((finding) => finding.node));
    }
  }

  /** Name the operation that made the first NaN or infinity. */
  nameOdd() {
    const i = this.film.firstOdd();
    const button = document.getElementById("audit");
    if (this.wrong) return;
    button.hidden = i < 0;
    if (i < 0) return;
    const node = this.film.nodes[i];
    const what = node.role === "operation" ? `${node.name} = ${this.film.expression(i)} makes` : `${node.name} is`;
    button.textContent = `⚠ ${what} the first ${isSingle(this.film.numbers.value(i)) ? numberText(single(this.film.numbers.value(i))) : "NaN or infinity"}`;
    this.accused = i;
  }

  /** Name the first wrong derivative that the backward pass meets. */
  nameWrong(findings) {
    const first = findings.find((finding) => finding.verdict === "wrong");
    const button = document.getElementById("audit");
    this.wrong = first;
    button.hidden = !first;
    button.textContent = first?.sentence ?? "";
    this.accused = first?.node;
    button.addEventListener("click", () => this.pick(this.accused));
  }

  /** Inspect node `i`; null lets the inspector follow the steps again. */
  pick(i) {
    this.picked = i;
    if (i !== null) {
      this.graph.reveal(i);
      this.graph.follow(i);
      this.panel.say(this.graph.spoken(i));
    }
    this.graph.mark("picked", i === null ? [] : [i]);
    this.inspect(this.quiz.asked ? this.count - 1 : this.count);
  }

  /** Inspect node `i`, and of an array the entry in place `at`. */
  pickEntry(i, at) {
    this.pick(i);
    if (at !== undefined && this.film.numbers.canChange(i)) this.leaves.showEditor(i, true, at);
  }

  /** Light the edges of a path, given as the steps along it. */
  walk(steps) {
    const { film, graph } = this;
    const along = steps.map((s) => film.steps[s]);
    graph.light({
      nodes: [[film.root, "on-path"], ...along.map((step) => [step.input, "on-path"])],
      edges: along.map((step) => [film.edgeOf(step), "on-path"]),
    });
  }

  // --- controls

  controls() {
    const on = (id, action) => document.getElementById(id).addEventListener("click", action);
    on("first", () => this.seek(0));
    on("back", () => this.step(-1));
    on("play", () => this.play());
    on("next", () => this.step(1));
    on("last", () => this.seek(this.film.length));
    on("fit", () => this.graph.fit());
    on("zoom-in", () => this.graph.zoom(1.3));
    on("zoom-out", () => this.graph.zoom(1 / 1.3));
    on("fold", () => this.graph.foldAll());
    on("quiz", () => this.switchQuiz());
    on("theme", switchTheme);
    on("help", () => this.switchKeys());
    on("lecture", () => this.switchLecture());
    on("share", () => this.copyLink());
    on("network", () => this.switchNetwork());
    document.getElementById("network").hidden = !this.network;
    const slider = document.getElementById("slider");
    slider.max = this.film.length;
    slider.addEventListener("input", () => this.seek(Number(slider.value)));
    document.getElementById("fold").hidden = !this.graph.folding.groups.length;
    document.getElementById("quiz").hidden = !this.quiz.questions.size;
  }

  nameFold() {
    document.getElementById("fold").textContent = this.graph.folding.isAllFolded ? "Unfold all" : "Fold all";
  }

  switchQuiz() {
    this.quiz.on = !this.quiz.on;
    document.getElementById("quiz").setAttribute("aria-pressed", String(this.quiz.on));
    this.quiz.close();
    if (this.quiz.on) this.seek(this.quiz.after(this.count) + 1);
    this.render();
  }

  /** Large type and only the graph, for readers in the last row. */
  switchLecture() {
    const isOn = document.body.classList.toggle("lecture");
    document.getElementById("lecture").setAttribute("aria-pressed", String(isOn));
  }

  /** Neurons in columns instead of the graph. */
  switchNetwork() {
    if (!this.network) return this.panel.refuse("This graph has no layers of neurons.");
    this.network.toggle();
    document.getElementById("network").setAttribute("aria-pressed", String(this.network.isOn));
    this.render(true);
    return this.share();
  }

  /** Put the address with step and numbers on the clipboard; where that is not allowed, say where to find it. */
  async copyLink() {
    this.share();
    try {
      if (!this.address.isComplete) return this.tell("The address has this step, but not the numbers: too many were changed for a link.");
      await navigator.clipboard.writeText(location.href);
      this.tell("Link copied: it opens this step with these numbers.");
    } catch {
      this.tell("The link to this state is in the address bar.");
    }
  }

  /** A short message on the button, and to a screen reader. */
  tell(text) {
    const button = document.getElementById("share");
    this.panel.say(text);
    button.title = text;
    button.textContent = text.startsWith("Link") ? "Copied" : "See address";
    setTimeout(() => { button.textContent = "Share"; }, 1500);
  }

  switchKeys() {
    const keys = document.getElementById("keys");
    keys.hidden = !keys.hidden;
    document.getElementById("help").setAttribute("aria-expanded", String(!keys.hidden));
  }

  keys() {
    const { film } = this;
    const around = (by) => () => {
      const step = film.steps[this.count - 1];
      const from = this.picked ?? (step ? film.target(step) : film.root);
      this.pick((from + by + film.nodes.length) % film.nodes.length);
    };
    const actions = {
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Home: () => this.seek(0),
      End: () => this.seek(film.length),
      " ": () => this.play(),
      b: () => this.seek(film.seed + 1),
      j: around(1),
      k: around(-1),
      Escape: () => this.pick(null),
      "/": () => document.getElementById("search").focus(),
      f: () => (this.graph.folding.groups.length ? this.graph.foldAll() : this.panel.refuse("This graph has no modules to fold.")),
      "+": () => this.graph.zoom(1.3),
      "=": () => this.graph.zoom(1.3),
      "-": () => this.graph.zoom(1 / 1.3),
      0: () => this.graph.fit(),
      l: () => this.switchLecture(),
      n: () => this.switchNetwork(),
      g: () => (this.descent.chosen.size ? this.descent.step() : this.panel.refuse("No leaf takes part in a gradient step.")),
      r: () => this.leaves.reset(),
      c: () => this.copyLink(),
      q: () => (this.quiz.questions.size ? this.switchQuiz() : this.panel.refuse("This graph has no gradient to ask for.")),
      d: switchTheme,
      "?": () => this.switchKeys(),
    };
    document.addEventListener("keydown", (event) => {
      const leaf = this.leafWithFocus(event);
      if (leaf !== null && !event.target.closest("input, select") && this.leaves.key(leaf, event)) {
        event.preventDefault();
        return;
      }
      const action = actions[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      const stepping = event.target.id === "answer" && !event.target.value && event.key.startsWith("Arrow");
      if (!stepping && event.target.closest("input, select")) return; // they have their own keys
      const pressing = event.key === " " || event.key === "Enter";
      if (pressing && event.target.closest("button, [role=button]")) return;
      event.preventDefault();
      action();
    });
    // What is drawn as a button answers like one.
    document.getElementById("graph").addEventListener("keydown", (event) => {
      const button = event.target.closest("[role=button]");
      if (!button || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      button.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    });
  }

  /** The leaf that keys are for: the one with the focus, else the one that was picked; null for none. */
  leafWithFocus(event) {
    const g = event.target.closest(".node.changes");
    if (g) return Number(g.id.slice(5));
    return this.picked !== null && this.film.numbers.canChange(this.picked) ? this.picked : null;
  }

  search() {
    const input = document.getElementById("search");
    const found = document.getElementById("found");
    let matches = [];
    let at = -1;
    const look = () => {
      const text = input.value.trim().toLowerCase();
      const texts = (node) => [node.name, node.label, node.op, node.symbol, ...node.module];
      const holds = (node) => texts(node).some((t) => t.toLowerCase().includes(text));
      matches = text ? this.film.nodes.filter(holds).map((node) => node.id) : [];
      at = -1;
      found.textContent = text ? `${matches.length} found` : "";
      this.graph.svg.classList.toggle("searching", matches.length > 0);
      this.graph.mark("found", matches);
    };
    input.addEventListener("input", look);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && matches.length) {
        at = (at + 1) % matches.length;
        this.pick(matches[at]);
        this.graph.mark("found", matches);
        found.textContent = `${at + 1} of ${matches.length}`;
      } else if (event.key === "Escape") {
        input.value = "";
        look();
        input.blur();
      }
    });
  }
}

const player = new Player(JSON.parse(document.getElementById("data").textContent));
