// The quiz: the next gradient is hidden, the learner's number is taken, and a known mistake is named.

/** Whether a learner's number is the one meant: three figures of it are enough. */
function same(given, meant) {
  return typeof meant === "number" && Math.abs(given - meant) <= 2e-3 * Math.abs(meant) + 1e-12;
}

class Quiz {
  /** `questions` by step; `solved` is called when a step's number may be shown. */
  constructor(questions, solved) {
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

  open(s) {
    this.asked = this.questions.get(s);
    this.form.hidden = false;
    this.prompt.textContent = this.asked.prompt.text;
    this.answer.value = "";
    this.say("", "");
  }

  close() {
    this.form.hidden = true;
    this.asked = null;
  }

  check() {
    if (!this.asked) return;
    const number = Number(this.answer.value.trim().replaceAll("−", "-").replace(",", "."));
    if (!this.answer.value.trim() || Number.isNaN(number)) return this.say("Give a number, such as −0.25.", "wrong");
    if (same(number, this.asked.answer)) {
      this.say(`Right: ${numberText(this.asked.answer)}.`, "right");
      return this.finish();
    }
    const mistake = this.asked.mistakes.find(({ value }) => same(number, value));
    return this.say(mistake ? `Not yet: ${mistake.hint}` : "Not yet. Try again.", "wrong");
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
