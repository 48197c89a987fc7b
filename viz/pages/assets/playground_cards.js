// The card with what was clicked: a sample, or a unit.

class Card {
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.what = null;
  }

  close() {
    this.what = null;
    this.root.hidden = true;
  }

  open(what, ...children) {
    this.what = what;
    this.root.replaceChildren(...children);
    this.root.hidden = false;
  }

  button(text, act) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.addEventListener("click", act);
    return button;
  }

  actions(...buttons) {
    const row = Object.assign(document.createElement("div"), { className: "actions" });
    row.append(...buttons, this.button("Close", () => this.on.close()));
    return row;
  }

  sample(index, text) {
    const line = Object.assign(document.createElement("p"), { textContent: text });
    if (this.what?.sample === index) {
      this.root.querySelector("p").textContent = text;
      return;
    }
    const title = Object.assign(document.createElement("h3"), { textContent: `sample ${index}` });
    const hint = Object.assign(document.createElement("p"), { textContent: "Each unit shows its value for this sample above, and the gradient of the sample's loss below." });
    const buttons = [this.button("Previous", () => this.on.pick(index - 1)), this.button("Next", () => this.on.pick(index + 1))];
    if (this.on.hasPlayer()) buttons.push(this.button("Step through its backprop", () => this.on.player(index)));
    this.open({ sample: index }, title, line, hint, this.actions(...buttons));
  }

  unit(layer, unit, { title, hidden, canHide, weights }) {
    const head = Object.assign(document.createElement("h3"), { textContent: title });
    const list = Object.assign(document.createElement("div"), { className: "weights" });
    this.inputs = weights.map(({ name, read, write }) => {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "number", step: "0.05", value: String(Number(read().toPrecision(4))) });
      input.addEventListener("change", () => Number.isFinite(input.valueAsNumber) && write(input.valueAsNumber));
      label.append(name, input);
      list.append(label);
      return { input, read };
    });
    const hide = this.button(hidden ? "Show this unit" : "Hide this unit", () => this.on.hide(layer, unit, !hidden));
    this.open({ layer, unit, hidden }, head, list, this.actions(...(canHide ? [hide] : [])));
  }

  /** The numbers of a unit's weights as they are now, except the one that is being typed. */
  refresh() {
    if (this.what?.unit === undefined) return;
    for (const { input, read } of this.inputs) if (document.activeElement !== input) input.value = String(Number(read().toPrecision(4)));
  }
}
