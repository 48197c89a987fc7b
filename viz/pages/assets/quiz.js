// The quiz: the next gradient is hidden, the learner's number is taken, and a known mistake is named.

/** A number or a product as a learner writes it, and half a unit of its last digit: 0 of a product, or of one digit. */
function readNumber(line) {
  const text = line.trim().replaceAll("−", "-").replace(/^(-?\d*),(\d+)$/, "$1.$2");
  const factors = text.split(/[*·×]/).map((factor) => factor.replace(/^\s*\((.*)\)\s*$/, "$1").trim());
  const number = factors.includes("") ? NaN : factors.map(Number).reduce((x, y) => x * y);
  const digits = /^-?0*\.?0*([1-9][\d.]*)$/.exec(text)?.[1].replace(".", "") ?? "";
  const decimals = (text.split(".")[1] ?? "").length;
  return { number, slack: digits.length < 2 ? 0 : 0.5 * 10 ** -decimals };
}

class Quiz {
  /** `solved` is called when the number of a question's step may be shown, `next` when the learner goes on. */
  constructor({ questions, near }, film, solved, next) {
    Object.assign(this, { near, film, next, right: 0, tried: new Map() });
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
      this.finish();
    });
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

  open(s) {
    this.asked = this.questions.get(s);
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
    if (Number.isNaN(given.number)) return this.say("Give a number such as −0.25, or 2 * −3.", "wrong");
    if (this.same(given, this.asked.answer)) {
      this.say(`Right: ${numberText(this.asked.answer)}.`, "right");
      return this.finish();
    }
    const mistake = this.asked.mistakes.find(({ value }) => this.same(given, value));
    return this.say(mistake ? `Not yet: ${mistake.name}; ${mistake.hint}.` : "Not yet.", "wrong");
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
