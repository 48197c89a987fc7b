// Formulas with holes, filled with the names and numbers of one step: see viz/formulas/templates.py.

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** How each form of a formula writes a number, a name and a sign. */
const FORMS = {
  text: { number: numberText, name: (node) => node.name, sign: (exact) => (exact ? "=" : "≈") },
  words: {
    number: (x) => {
      const text = numberText(x).replaceAll("−", "minus ").replace("inf", "infinity").replace("nan", "not a number");
      const [mantissa, exponent] = Number.isFinite(x) ? text.split("e") : [text];
      return exponent ? `${mantissa} times 10 to the ${exponent}` : text;
    },
    name: (node) => node.name,
    sign: (exact) => (exact ? "is" : "is about"),
  },
  mathml: {
    number: (x) => {
      const text = numberText(x).replace("inf", "∞");
      const [mantissa, exponent] = Number.isFinite(x) ? text.split("e") : [text];
      if (!exponent) return `<mn>${text}</mn>`;
      return `<mrow><mn>${mantissa}</mn><mo>·</mo><msup><mn>10</mn><mn>${exponent}</mn></msup></mrow>`;
    },
    name: (node) => node.mathml || `<mi>${escaped(node.name)}</mi>`,
    sign: (exact) => (exact ? "=" : "≈"),
  },
};

/** The number that a reader sees. */
function asShown(x) {
  return Number.isFinite(x) ? Number(numberText(x).replaceAll("−", "-")) : x;
}

/** Whether two numbers are the same, apart from the last bits of a float. */
function sameFigures(x, y) {
  if (Object.is(x, y) || x === y) return true;
  return Math.abs(x - y) <= Math.max(1e-12 * Math.max(Math.abs(x), Math.abs(y)), 1e-300);
}

/** The template with its holes filled by `step`, which knows node, number and whether an equation is exact. */
function fill(template, form, step) {
  const notation = FORMS[form];
  const branches = []; // of the conditional parts around: whether the present branch is written
  let written = "";
  template.forEach((part, i) => {
    const shown = branches.every(Boolean);
    if (i % 2 === 0) written += shown ? part : "";
    else if (part[0] === "?") branches.push(numberText(step.number(part.slice(1))).startsWith("−"));
    else if (part === "|") branches.push(!branches.pop());
    else if (part === ";") branches.pop();
    else if (!shown) return;
    else if (part[0] === "~") written += notation.sign(step.isExact(part.slice(1)));
    else if (part.startsWith("n:")) written += notation.name(step.at(part.slice(2)));
    else written += notation.number(step.number(part));
  });
  return written;
}
