// The quiz: the next gradient is hidden, the learner's number is taken, and a known mistake is named.

/** A number or an expression as a learner writes it, and half a unit of its last digit: 0 of an expression, or of one digit. */
function readNumber(line) {
  const text = line.trim().replaceAll("−", "-").replace(/^(-?\d*),(\d+)$/, "$1.$2");
  const digits = /^-?0*\.?0*([1-9][\d.]*)$/.exec(text)?.[1].replace(".", "") ?? "";
  const decimals = (text.split(".")[1] ?? "").length;
  return { number: evaluated(text), slack: digits.length < 2 ? 0 : 0.5 * 10 ** -decimals };
}

class Quiz {
  /** `solved` is called when the number of a question's step may be shown, `next` when the learner goes on. */
  constructor({ questions, near }, film, solved, next) {
    Object.assign(this, { near, film, next, tried: new Map() });
    this.questions = new Map(questions.map((question) => [question.step, question]));
    this.solved = solved;
    this.on = false;
    this.form = document.getElementById("asks");
    this.prompt = document.getElementById("question");
    this.answer = document.getElementById("answer");
    this.verdict = document.getElementById("verdict");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.check();
    });
    document.getElementById("reveal").addEventListener("click", () => {
      this.say(`It is ${numberText(this.asked.answer)}.`, "");
      this.count(false);
      this.finish();
    });
    const save = document.getElementById("save-score");
    save.hidden = location.protocol === "about:"; // a notebook's frame may not save
    save.addEventListener("click", () => this.save());
  }

  /** Whether the number of step `s` is to be asked for. */
  asks(s) {
    return this.on && this.questions.has(s);
  }

  /** The first step from `s` on that is asked for; after the last, the first of all. */
  after(s) {
    const steps = [...this.questions.keys()];
    return steps.find((step) => step >= s) ?? steps[0];
  }

  /** The question about step `s`: as it was written, or for the numbers that the learner has chosen. */
  question(s) {
    const { film } = this;
    const written = this.questions.get(s);
    if (written.prompt !== undefined && !(film.isLive && film.numbers.isChanged)) return written;
    const step = film.steps[s];
    if (!film.isScalar) return this.askEntry(written, step);
    const node = film.nodes[step.node];
    const named = (i) => `${film.nodes[i].name} = ${numberText(film.numbers.value(i), 7)}`;
    const given = [...new Set([...node.inputs, step.node])].filter((i) => film.nodes[i].label || film.nodes[i].role !== "constant");
    const of = (i) => `∂${film.nodes[film.root].name}/∂${film.nodes[i].name}`;
    const before = step.before === null ? "" : `So far ${of(step.input)} = ${numberText(step.before, 7)}. `;
    const [place, uses] = [film.arrivals[step.input].indexOf(s) + 1, film.arrivals[step.input].length];
    const until = place === uses ? "" : ` with ${place} of its ${uses} uses counted`;
    const prompt = `${node.name} = ${film.expression(step.node)}, where ${given.map(named).join(", ")}, and ${of(step.node)} = ${numberText(step.incoming, 7)}. ${before}What does ${of(step.input)} become${until}?`;
    return { step: s, prompt, answer: step.after, mistakes: [] };
  }

  /** The question about an entry of an array, for the numbers that the learner has chosen. */
  askEntry(written, step) {
    const flat = flatOf(written.index, this.film.nodes[step.input].shape);
    const asked = `∂${this.film.nodes[this.film.root].name}/∂${entryName(this.film.nodes[step.input], flat)}`;
    const prompt = `${step.sentence}. What does ${asked} become, with the numbers as they are now? Pick a node to see its numbers.`;
    return { step: step.index, prompt, answer: step.after.data[flat], mistakes: [] };
  }

  open(s) {
    this.asked = this.question(s);
    this.step = s;
    this.form.hidden = false;
    this.prompt.textContent = this.asked.prompt;
    this.answer.value = "";
    this.say("", "");
    this.answer.focus({ preventScroll: true });
  }

  close() {
    this.form.hidden = true;
    this.asked = null;
  }

  check() {
    if (!this.asked) return this.next();
    const given = readNumber(this.answer.value);
    if (Number.isNaN(given.number)) return this.say("Answer with a number such as −0.25, or with an expression such as 2 * −3.", "wrong");
    this.count(this.same(given, this.asked.answer));
    if (this.same(given, this.asked.answer)) {
      this.say(`Right: ${numberText(this.asked.answer)}.`, "right");
      return this.finish();
    }
    const mistake = this.asked.mistakes.find(({ value }) => this.same(given, value));
    return this.say(mistake ? `Not yet: ${mistake.name}; ${mistake.hint}.` : "Not yet.", "wrong");
  }

  /** Keep the score: what counts is the first try. */
  count(isRight) {
    const tries = (this.tried.get(this.step)?.tries ?? 0) + 1;
    const atFirst = this.tried.get(this.step)?.atFirst ?? isRight;
    this.tried.set(this.step, { tries, atFirst });
    const right = [...this.tried.values()].filter((one) => one.atFirst).length;
    document.getElementById("score").textContent = `${right} of ${this.tried.size} right at the first try`;
  }

  /** The score as a JSON file. */
  save() {
    const answers = [...this.tried].map(([s, { tries, atFirst }]) => ({ step: s + 1, tries, right_at_first_try: atFirst }));
    const right = answers.filter((one) => one.right_at_first_try).length;
    const score = { title: document.title, questions: this.questions.size, answered: answers.length, right, answers };
    const link = make("a", { download: "score.json" });
    link.href = URL.createObjectURL(new Blob([JSON.stringify(score, null, 2)], { type: "application/json" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href));
  }

  /** Whether a learner's number is the one meant: to three figures, or to as many as were given. */
  same({ number, slack }, meant) {
    return Math.abs(number - meant) <= Math.max(this.near * Math.abs(meant), slack) + 1e-12;
  }

  finish() {
    this.asked = null;
    this.solved();
  }

  say(text, kind) {
    this.verdict.textContent = text;
    this.verdict.className = kind;
  }
}
