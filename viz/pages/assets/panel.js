// The present step in words and formulas.

/** A formula's MathML as elements. It is parsed as XML, in which no label can become HTML. */
function math(formula) {
  const text = formula.mathml.replace(/^<math(?! xmlns)/, '<math xmlns="http://www.w3.org/1998/Math/MathML"');
  const root = new DOMParser().parseFromString(text, "application/xml").documentElement;
  return root.localName === "math" ? document.importNode(root, true) : make("span", {}, formula.text);
}

/** A `<dl>` of the pairs [term, content] whose content is not null. */
function listing(pairs) {
  const shown = pairs.filter(([, content]) => content !== null && content !== undefined && content !== "");
  return make("dl", {}, ...shown.flatMap(([term, content]) => [make("dt", {}, term), make("dd", {}, content)]));
}

class StepPanel {
  constructor(film) {
    this.film = film;
    this.now = document.getElementById("now");
    this.where = document.getElementById("where");
    this.formula = document.getElementById("formula");
    this.sentence = document.getElementById("sentence");
    this.spoken = document.getElementById("spoken");
  }

  /** Show the step that was done last; nothing of it while the learner is `asked` a question about it. */
  show(count, { asked, silent }) {
    const step = this.film.steps[count - 1];
    const pass = !step ? "nothing computed yet" : step.kind === "forward" ? "forward pass" : "backward pass";
    this.where.textContent = `Step ${count} of ${this.film.length} · ${pass}`;
    this.now.className = !step ? "" : step.kind === "forward" ? "forward" : "backward";
    const words = asked ? asked.prompt.text : step ? step.sentence.words : "The leaves have their values.";
    this.sentence.textContent = !step
      ? "The leaves have their values; press → to compute the first operation."
      : asked ? "" : step.sentence.text;
    this.formula.replaceChildren(...(step && !asked ? this.lines(step) : []));
    if (!silent) this.say(`Step ${count}: ${words}`);
  }

  /** Have a screen reader say something. */
  say(text) {
    this.spoken.textContent = text;
  }

  lines(step) {
    const lines = [math(step.equation)];
    if (step.numbers) lines.push(math(step.numbers));
    if (step.kind !== "backward") return lines;
    const { film } = this;
    const name = (i) => film.nodes[i].name;
    const axes = step.summed_axes.join(", ");
    const summed = axes ? `over axis ${axes}, along which it was broadcast` : null;
    const number = step.local.value === null || isArray(step.local.value) ? "" : numberText(step.local.value);
    // Of a matrix that nobody writes out, the equation says what there is to say.
    const forms = [...new Set([step.local.text, number])].filter(Boolean);
    const local = step.local.value === null ? null : forms.join(" = ");
    lines.push(
      listing([
        [`arrives at ${name(step.node)}`, brief(step.incoming)],
        ["local derivative", local],
        ["shapes", step.shapes],
        ["summed", summed],
        [`${name(step.input)} had`, step.before === null ? "nothing yet" : brief(step.before)],
        [`${name(step.input)} has now`, brief(step.after)],
      ]),
    );
    return lines;
  }
}
