// Printed, the page is a worksheet: the graph without numbers, the steps with blanks, and the solutions on a new page.

const PRINTED = 300; // steps
const BLANK = "__________";

class Worksheet {
  /** `blank` shows the graph as before the first step, `restore` shows it again as it was. */
  constructor(film, { blank, restore }) {
    this.film = film;
    this.element = document.getElementById("worksheet");
    window.addEventListener("beforeprint", () => {
      blank();
      this.write();
    });
    window.addEventListener("afterprint", () => {
      this.element.replaceChildren();
      restore();
    });
  }

  write() {
    const { film } = this;
    const steps = film.steps.slice(0, PRINTED);
    const item = (step, ...content) => make("li", { value: step.index + 1 }, ...content);
    const asked = steps.map((step) => item(step, math(step.equation, step.sentence), ` = ${step.kind === "seed" ? "" : BLANK}`));
    const solved = steps.map((step) => item(step, step.sentence));
    const given = film.nodes.filter(({ role, label }) => role === "leaf" || label).filter(({ role }) => role !== "operation");
    const numbers = given.slice(0, 60).map((node) => `${node.name} = ${brief(film.numbers.value(node.id))}`).join(", ");
    const left = film.length > PRINTED ? [make("p", {}, `… and ${film.length - PRINTED} more steps`)] : [];
    this.element.replaceChildren(
      make("p", {}, `Given: ${numbers}. Write a number into each blank: first the values, then the gradients.`),
      make("ol", {}, ...asked), ...left,
      make("section", { class: "solutions" }, make("h2", {}, "Solutions"), make("ol", {}, ...solved), ...left.map((p) => p.cloneNode(true))),
    );
  }
}
