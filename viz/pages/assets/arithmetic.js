// An expression of numbers as a learner writes it: 2 * (-3), tanh(0.5)**2. It is read here, never run as a program.

const KNOWN = ["exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "abs"];

/** The number that the text comes to; NaN if it is no expression of numbers. */
function evaluated(text) {
  const tokens = text.match(/\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|\*\*|[a-z]\w*|\S/gi) ?? [];
  let at = 0;
  const take = (...signs) => (signs.includes(tokens[at]) ? tokens[at++] : null);

  function sum() {
    let x = product();
    for (let sign = take("+", "-"); sign; sign = take("+", "-")) x = sign === "+" ? x + product() : x - product();
    return x;
  }
  function product() {
    let x = signed();
    for (let sign = take("*", "/", "·", "×"); sign; sign = take("*", "/", "·", "×")) x = sign === "/" ? x / signed() : x * signed();
    return x;
  }
  function signed() {
    const sign = take("+", "-");
    if (sign) return sign === "-" ? -signed() : signed();
    return power();
  }
  function power() {
    const base = atom();
    return take("**", "^") ? base ** signed() : base;
  }
  function atom() {
    const token = tokens[at++];
    if (token === "(") {
      const x = sum();
      return take(")") ? x : NaN;
    }
    if (KNOWN.includes(token) && take("(")) {
      const x = Math[token](sum());
      return take(")") ? x : NaN;
    }
    return token !== undefined && /^[\d.]/.test(token) ? Number(token) : NaN;
  }
  const x = sum();
  return at === tokens.length ? x : NaN;
}
