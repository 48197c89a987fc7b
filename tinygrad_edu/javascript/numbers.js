// Numbers as the views write them. Python rounds a tie to the even digit, JavaScript rounds it away from zero.

/** The digits and the exponent of a positive number, rounded to `count` significant digits, ties to even. */
function roundedDigits(x, count) {
  let [mantissa, exponent] = x.toExponential(count - 1).split("e");
  const digits = mantissa.replace(".", "");
  if (!x.toExponential(count).includes("5e")) return [digits, Number(exponent)]; // a tie ends in 5
  const [exact] = x.toExponential(100).split("e"); // no double of a view comes nearer to a tie without being one
  const rest = exact.replace(".", "").slice(count);
  const even = !(Number(exact.replace(".", "")[count - 1]) % 2);
  if (even && /^50*$/.test(rest)) return [exact.replace(".", "").slice(0, count), Number(exponent)];
  return [digits, Number(exponent)];
}

/** The nearest whole number of a positive number below 2^52, ties to even. */
function roundedToWhole(x) {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2) ? floor + 1 : floor;
}

/** `count` digits and an exponent from -4 on, without an exponent in the text. */
function positional([digits, exponent]) {
  const text = exponent < 0 ? `0.${"0".repeat(-exponent - 1)}${digits}` : digits;
  const point = exponent < 0 ? text : `${text.slice(0, exponent + 1)}.${text.slice(exponent + 1)}`;
  return point.replace(/\.?0*$/, "");
}

/** A number as every view shows it: four significant digits, whole numbers below a million in full. */
function numberText(x, digits = 4) {
  const size = Math.abs(x);
  const minus = x < 0 ? "−" : "";
  if (size === 0) return "0";
  if (x !== x) return "nan";
  if (size === Infinity) return `${minus}inf`;
  if (size < 1e6 && Number.isInteger(size)) return minus + size;
  const rounded = roundedDigits(size, digits);
  if (size >= 1e-4 && size < 1e6) {
    return minus + (rounded[1] < digits ? positional(rounded) : roundedToWhole(size));
  }
  const [[first, ...others], exponent] = rounded;
  const fraction = others.join("").replace(/0+$/, "");
  return `${minus}${first}${fraction && "."}${fraction}e${String(exponent).replace("-", "−")}`;
}
