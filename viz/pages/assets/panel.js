// The present step in words and formulas: the strip below the graph.

/** A formula's MathML as elements. It is parsed as XML, in which no label can become HTML. */
function math(mathml, text) {
  const written = mathml.replace(/^<math(?! xmlns)/, '<math xmlns="http://www.w3.org/1998/Math/MathML"');
  const root = new DOMParser().parseFromString(written, "application/xml").documentElement;
  return root.localName === "math" ? document.importNode(root, true) : make("span", {}, text);
}

/** A `<dl>` of the pairs [term, content] whose content is not null. */
function listing(pairs) {
  const shown = pairs.filter(([, content]) => content !== null && content !== undefined && content !== "");
  return make("dl", {}, ...shown.flatMap(([term, content]) => [make("dt", {}, term), make("dd", {}, content)]));
}

class StepPanel {
  constructor(film, notes) {
    Object.assign(this, { film, notes });
    this.now = document.getElementById("now");
    this.where = document.getElementById("where");
    this.formula = document.getElementById("formula");
    this.sentence = document.getElementById("sentence");
    this.meaning = document.getElementById("meaning");
    this.details = document.getElementById("details");
    this.note = document.getElementById("note");
    this.spoken = document.getElementById("spoken");
  }

  /** Show the step that was done last; nothing of it while the learner is `asked` a question about it. */
  show(count, { asked, silent }) {
    const step = this.film.steps[count - 1];
    const pass = !step ? "no step done yet" : step.kind === "forward" ? "forward pass" : "backward pass";
    this.where.textContent = `Step ${count} of ${this.film.length} · ${pass}`;
    this.now.className = !step ? "" : step.kind === "forward" ? "forward" : "backward";
    this.sentence.textContent = !step
      ? this.hint()
      : asked ? "" : step.sentence;
    this.meaning.textContent = !step || asked ? "" : this.explain(step);
    this.formula.replaceChildren(...(step && !asked ? this.lines(step) : []));
    this.details.replaceChildren(...(step && !asked ? this.listed(step) : []));
    this.showNote(step);
    const words = asked ? asked.prompt : step ? step.words : "The leaves have their values.";
    if (!silent) this.say(`Step ${count}: ${words}`);
  }

  /** What one can do before the first step, with a finger or with keys. */
  hint() {
    const touch = matchMedia("(pointer: coarse)").matches;
    const changeable = this.film.nodes.filter((_, i) => this.film.numbers.canChange(i));
    const first = touch ? "Tap ▶ below to compute the first operation" : "Press → to compute the first operation";
    const isSmall = changeable.every(({ id }) => this.film.numbers.size(id) === 1);
    const other = isSmall ? "drag a leaf sideways to change its number" : `${touch ? "tap" : "click"} a leaf to change its numbers`;
    return `The leaves have their values. ${first}${changeable.length ? `, or ${other}` : ""}.`;
  }

  /** The teacher's caption for the step, or else for the node that it is about. */
  showNote(step) {
    const note = step && (this.notes.steps[step.index] ?? this.notes.nodes[this.film.target(step)]);
    this.note.hidden = !note;
    this.note.textContent = note ?? "";
  }

  /** Say why something was not done. */
  refuse(text) {
    this.note.hidden = false;
    this.note.textContent = text;
    this.say(text);
  }

  /** Have a screen reader say something. */
  say(text) {
    this.spoken.textContent = text;
  }

  lines(step) {
    const lines = [math(step.equation, step.sentence)];
    if (step.numbers) lines.push(math(step.numbers, ""));
    return lines;
  }

  /** What a step of single numbers means. */
  explain(step) {
    const { film } = this;
    const [y, x] = [film.nodes[step.node].name, film.nodes[step.input]?.name];
    if (step.kind === "forward") return "";
    if (step.kind === "seed") {
      return step.numbers === null && isArray(step.after) && step.after.shape.length
        ? "" : `If ${y} grows by 1, ${y} itself grows by 1. From here the gradients flow back to the leaves.`;
    }
    if (!step.numbers) return "";
    const local = single(step.local);
    const [rate, arrived, given] = [local, single(step.incoming), single(step.contribution)].map((x) => numberText(x));
    const uses = film.uses[step.input].length;
    const sum = uses > 1 ? ` ${x} is used ${uses} times, so what its uses give is added up.` : "";
    if (local === 0) return `A small change of ${x} does not change ${y}. So nothing flows to ${x}.${sum}`;
    if (local === 1) return `If ${x} grows by a little, ${y} grows by as much. So ${x} gets all of the ${arrived} that arrived at ${y}.${sum}`;
    if (local === -1) return `If ${x} grows by a little, ${y} shrinks by as much. So ${x} gets the ${arrived} that arrived at ${y} with the other sign: ${given}.${sum}`;
    return `If ${x} grows by a little, ${y} changes ${rate} times as much. So ${x} gets ${rate} times the ${arrived} that arrived at ${y}: ${given}.${sum}`;
  }

  /** Of a backward step of arrays, what the formulas do not say. */
  listed(step) {
    if (step.kind !== "backward" || this.film.isScalar) return [];
    const name = (i) => this.film.nodes[i].name;
    const axes = step.summed.join(", ");
    const number = step.local === null || !isSingle(step.local) ? "" : numberText(single(step.local));
    // For a matrix that is not written out, the equation is enough.
    const forms = [...new Set([step.localText, number])].filter(Boolean);
    return [
      listing([
        [`arrives at ${name(step.node)}`, brief(step.incoming)],
        ["local derivative", step.local === null ? null : forms.join(" = ")],
        ["shapes", step.shapes],
        ["summed", axes ? `over axis ${axes}, along which it was broadcast` : null],
        [`${name(step.input)} had`, step.before === null ? "nothing yet" : brief(step.before)],
        [`${name(step.input)} has now`, brief(step.after)],
      ]),
    ];
  }
}
