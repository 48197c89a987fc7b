// The player: one number, how many steps are done, from which everything on the page follows.

/** What a box has room for: single numbers as everywhere, those of an array with a digit less. */
const boxed = (data, form) => brief(data, { ...form, digits: isArray(data) ? 3 : 4 });

class Player {
  constructor(data) {
    this.film = new Film(data.trace);
    this.audit = {};
    for (const finding of data.audit) (this.audit[finding.node] ??= []).push(finding);
    const pick = (i) => this.pick(i);
    const seek = (count) => this.seek(count);
    this.graph = new GraphView(this.drawing(data), pick);
    this.panel = new StepPanel(this.film);
    this.inspector = new Inspector(this.film, { why: data.why, audit: this.audit }, pick, (steps) => this.walk(steps));
    this.table = new StepTable(this.film, seek);
    this.quiz = new Quiz(data.quiz, () => this.render(), () => this.step(1));
    this.count = -1;
    this.picked = null;
    this.drawn = { fills: [], labels: [] };
    this.embedded = location.protocol === "about:";
    this.nameWrong(data.audit);
    this.controls();
    this.keys();
    this.search();
    this.seek(this.fromAddress() ?? 0, { silent: true });
    this.graph.onarrange = () => this.restore();
    this.restore();
    window.addEventListener("hashchange", () => this.seek(this.fromAddress() ?? this.count));
  }

  /** What the graph's view draws: the trace's nodes with the texts of their boxes. */
  drawing({ trace, place, modules, home, folded }) {
    const nodes = trace.nodes.map((node, i) => ({
      title: node.role === "operation" ? `${node.symbol}  ${node.name}` : node.name,
      kind: node.root ? "root" : node.parameter ? "parameter" : node.role,
      collects: node.role !== "constant",
      odd: odd(node.value),
      cluster: home[i],
    }));
    const first = trace.steps[0].node; // where stepping begins
    return { nodes, edges: this.film.edges, clusters: modules, place, folded, first };
  }

  // --- moving

  fromAddress() {
    const match = /^#step=(\d+)$/.exec(location.hash);
    return match ? Number(match[1]) : null;
  }

  /** Show the moment at which `count` steps are done. */
  seek(count, { silent = false } = {}) {
    count = Math.max(0, Math.min(this.film.length, count));
    if (count === this.count) return;
    this.count = count;
    if (this.quiz.asks(count - 1)) {
      this.pause();
      this.quiz.open(count - 1);
    } else this.quiz.close();
    this.render(silent);
    if (!this.embedded) history.replaceState(null, "", `#step=${count}`);
  }

  /** Do one step, or take it back. */
  step(by) {
    this.seek(this.count + by);
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
    this.fill(known);
    this.light(film.steps[count - 1]);
    this.panel.show(count, { asked, silent });
    this.inspect(known);
    this.table.show(count, this.quiz.on ? known : film.length);
    const slider = document.getElementById("slider");
    slider.value = count;
    slider.className = count > film.seed ? "backward" : "";
    slider.setAttribute("aria-valuetext", `Step ${count} of ${film.length}`);
    for (const id of ["first", "back"]) document.getElementById(id).disabled = count === 0;
    for (const id of ["next", "last"]) document.getElementById(id).disabled = count === film.length;
    performance.measure("step", { start: began });
  }

  /** Write values, gradients and local derivatives: only those that differ from what is drawn. */
  fill(known) {
    const { film, graph, drawn } = this;
    film.nodes.forEach((node, i) => {
      const arrived = film.arrived(i, known);
      const key = `${film.made[i] < known} ${arrived}`;
      if (drawn.fills[i] === key) return;
      drawn.fills[i] = key;
      const value = boxed(film.value(i, known));
      const grad = boxed(film.gradient(i, known), { shape: false });
      const share = arrived / Math.max(1, film.arrivals[i].length);
      const parts = [node.name, node.expression?.text];
      parts.push(value === null ? "not computed yet" : `value ${value}`, grad && `gradient ${grad}`);
      graph.fill(i, { value: value === node.name ? "" : value, grad, share, spoken: parts.filter(Boolean).join(", ") });
    });
    film.edges.forEach((_, k) => {
      const done = film.given[k] >= 0 && film.given[k] < known;
      if (drawn.labels[k] === done) return;
      drawn.labels[k] = done;
      graph.label(k, done ? this.local(film.steps[film.given[k]]) : "");
    });
  }

  /** The local derivative of a step in a few characters. */
  local({ local }) {
    const number = local.value !== null && (!isArray(local.value) || !local.value.shape.length);
    if (number) return brief(local.value);
    return local.value !== null && local.text.length <= 14 ? local.text : "";
  }

  light(step) {
    const { film, graph } = this;
    if (!step) return graph.light({ nodes: [], edges: [] });
    if (step.kind === "backward") {
      graph.light({
        nodes: [[step.node, "gives"], [step.input, "on-backward"]],
        edges: [[film.edgeOf(step), "on-backward"]],
      });
      return graph.follow(step.input);
    }
    const forward = step.kind === "forward";
    const edges = film.nodes[step.node].inputs.map((_, position) => film.edgeAt.get(`${step.node} ${position}`));
    graph.light({
      nodes: [[step.node, forward ? "on-forward" : "on-backward"]],
      edges: forward ? edges.map((k) => [k, "on-forward"]) : [],
    });
    return graph.follow(step.node);
  }

  inspect(known) {
    const step = this.film.steps[this.count - 1];
    const subject = this.picked ?? (step ? this.film.target(step) : this.film.root);
    this.inspector.show(subject, known, this.picked !== null);
  }

  /** What folding and unfolding has to leave as it was. */
  restore() {
    this.nameFold();
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

  /** Name the first wrong derivative that the backward pass meets. */
  nameWrong(findings) {
    const first = findings.find((finding) => finding.verdict === "wrong");
    const button = document.getElementById("audit");
    button.hidden = !first;
    button.textContent = first?.sentence ?? "";
    button.addEventListener("click", () => this.pick(first.node));
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
    on("theme", () => this.switchTheme());
    on("help", () => this.switchKeys());
    const slider = document.getElementById("slider");
    slider.max = this.film.length;
    slider.addEventListener("input", () => this.seek(Number(slider.value)));
    document.getElementById("fold").hidden = !this.graph.clusters.length;
    document.getElementById("quiz").hidden = !this.quiz.questions.size;
  }

  nameFold() {
    const all = this.graph.folded.size === this.graph.clusters.length;
    document.getElementById("fold").textContent = all ? "Unfold all" : "Fold all";
  }

  switchQuiz() {
    this.quiz.on = !this.quiz.on;
    document.getElementById("quiz").setAttribute("aria-pressed", String(this.quiz.on));
    this.quiz.close();
    if (this.quiz.on) this.seek(this.quiz.after(this.count) + 1);
    this.render();
  }

  switchTheme() {
    const themes = { auto: "dark", dark: "light", light: "auto" };
    const next = themes[document.documentElement.dataset.theme ?? "auto"];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    document.getElementById("theme").textContent = `Theme: ${next}`;
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
      f: () => this.graph.clusters.length && this.graph.foldAll(),
      "+": () => this.graph.zoom(1.3),
      "=": () => this.graph.zoom(1.3),
      "-": () => this.graph.zoom(1 / 1.3),
      0: () => this.graph.fit(),
      q: () => this.quiz.questions.size && this.switchQuiz(),
      d: () => this.switchTheme(),
      "?": () => this.switchKeys(),
    };
    document.addEventListener("keydown", (event) => {
      const action = actions[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      const stepping = event.target.id === "answer" && !event.target.value && event.key.startsWith("Arrow");
      if (!stepping && event.target.closest("input, select")) return; // they have keys of their own
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
