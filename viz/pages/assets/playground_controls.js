// The settings at the left: data, optimizer, net.

/** How a setting's slider goes: to a share from 0 to 1, and back. */
function sliderScale(name, start) {
  if (name === "lr") {
    const [low, high] = [Math.log(1e-4), Math.log(Math.max(3, start))];
    return { to: (x) => (Math.log(Math.max(x, 1e-4)) - low) / (high - low), from: (t) => Math.exp(low + t * (high - low)) };
  }
  const top = /decay|penalty/.test(name) ? Math.max(0.1, 2 * start) : start < 1 ? 0.999 : 2 * start;
  const power = /decay|penalty/.test(name) ? 3 : 1;
  return { to: (x) => (x / top) ** (1 / power), from: (t) => top * t ** power };
}

class Controls {
  constructor(given, on) {
    this.given = given;
    this.on = on;
    this.one = (id) => document.getElementById(id);
    this.sets();
    this.planes();
    this.batch = this.one("batch");
    this.batch.addEventListener("input", () => {
      const value = Number(this.batch.value);
      on.change({ kind: "batch", value: value >= Number(this.batch.max) ? 0 : value });
    });
  }

  // --- data

  sets() {
    const { form, drawn } = this.given;
    const kinds = ["own", ...(drawn ? Object.keys(SHAPES) : [])];
    this.buttons = kinds.map((kind) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.kind = kind;
      const canvas = document.createElement("canvas");
      button.append(canvas, kind === "own" ? "yours" : kind);
      button.addEventListener("click", () => this.choose(kind));
      return button;
    });
    this.one("sets").replaceChildren(...this.buttons);
    this.one("sets").hidden = kinds.length === 1;
    this.one("noise-row").hidden = kinds.length === 1;
    this.one("noise").addEventListener("input", () => this.choose(this.kind));
    this.thumbs(form);
  }

  /** A small picture of each set. */
  thumbs() {
    const { colours } = this.on;
    for (const button of this.buttons) {
      const canvas = button.querySelector("canvas");
      canvas.width = canvas.height = 68;
      const { kind } = button.dataset;
      const { X, labels } = kind === "own" ? this.ownPoints() : drawnPoints({ kind, noise: 0.03, seed: 1, count: 36 });
      const reach = Math.max(...X.flat().map(Math.abs), 0.1) * 1.15;
      const context = canvas.getContext("2d");
      X.forEach(([x, y], i) => {
        context.fillStyle = cssColour(colours.classes[labels[i]]);
        context.beginPath();
        context.arc(34 + (33 * x) / reach, 34 - (33 * y) / reach, 4.4, 0, 2 * Math.PI);
        context.fill();
      });
    }
  }

  ownPoints() {
    const { X, labels } = this.given.train;
    const some = X.map((row, i) => [row, labels[i]]).filter((_, i) => i % Math.ceil(X.length / 40) === 0);
    const middle = [0, 1].map((k) => some.reduce((sum, [row]) => sum + (row[k] ?? 0), 0) / some.length);
    return { X: some.map(([row]) => [(row[0] ?? 0) - middle[0], (row[1] ?? 0) - middle[1]]), labels: some.map(([, label]) => label) };
  }

  choose(kind) {
    const noise = Number(this.one("noise").value);
    const spec = kind === "own" ? { kind } : { kind, noise, seed: 1, count: this.given.train.X.length };
    this.on.change({ kind: "data", spec });
  }

  planes() {
    const select = this.one("plane");
    select.replaceChildren(...this.given.planes.map(({ name }, i) => new Option(name, String(i))));
    this.one("plane-row").hidden = this.given.planes.length === 1;
    select.addEventListener("change", () => this.on.plane(Number(select.value)));
  }

  // --- optimizer and net

  settings(settings) {
    this.sliders = Object.entries(settings)
      .filter(([name]) => name !== "eps")
      .map(([name, start]) => {
        const row = document.createElement("div");
        row.className = "setting";
        const label = Object.assign(document.createElement("label"), { htmlFor: `setting-${name}`, textContent: settingName(name) });
        const output = document.createElement("output");
        const input = Object.assign(document.createElement("input"), { type: "range", id: `setting-${name}`, min: "0", max: "1000", step: "1" });
        const scale = sliderScale(name, start);
        input.addEventListener("input", () => {
          const value = Number(scale.from(Number(input.value) / 1000).toPrecision(3));
          this.on.change({ kind: "setting", name, value });
        });
        row.append(label, output, input);
        return { name, input, output, row, scale };
      });
    this.one("settings").replaceChildren(...this.sliders.map(({ row }) => row));
  }

  choices(programs, at) {
    const rows = ["activation", "widths"].map((key) => {
      const values = [...new Set(programs.map((program) => program[key]))];
      if (values.length < 2) return null;
      const row = Object.assign(document.createElement("div"), { className: "choice" });
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", key);
      row.append(
        ...values.map((value) => {
          const button = Object.assign(document.createElement("button"), { type: "button", textContent: value });
          button.setAttribute("aria-pressed", String(programs[at][key] === value));
          const wanted = { ...programs[at], [key]: value };
          const target = programs.findIndex((p) => p.activation === wanted.activation && p.widths === wanted.widths);
          button.disabled = target < 0;
          button.addEventListener("click", () => this.on.net(target));
          return button;
        }),
      );
      return row;
    });
    this.one("choices").replaceChildren(...rows.filter(Boolean));
  }

  /** Show what holds now. */
  show({ state, data, batch }, spec) {
    this.kind = spec.kind;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.dataset.kind === spec.kind));
    if (spec.noise !== undefined) this.one("noise").value = String(spec.noise);
    const own = spec.kind === "own"; // the samples are as they are
    this.one("noise").disabled = own;
    this.one("noise-row").title = own ? "Your own samples stay as they are. Choose another set to set its noise." : "";
    this.output("noise", own ? "not for yours" : spec.noise.toFixed(2));
    this.batch.max = String(data.count);
    this.batch.value = String(batch || data.count);
    this.output("batch", batch ? String(batch) : `all ${data.count}`);
    for (const { name, input, output, scale } of this.sliders) {
      input.value = String(Math.round(1000 * scale.to(state[name])));
      output.textContent = numberText(state[name], 3);
      input.setAttribute("aria-valuetext", output.textContent);
    }
  }

  output(id, text) {
    document.querySelector(`output[for="${id}"]`).textContent = text;
  }
}
