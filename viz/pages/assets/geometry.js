// Where things stand once modules are folded. Folding leaves empty strips; they are squeezed out, so that
// everything keeps its order and its neighbours, and nobody has to find their way in a new picture.

/** A monotone map of one axis that shortens every stretch between the `spans` [from, to] to at most `gap`. */
function squeeze(spans, gap) {
  const merged = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  const knots = [];
  let shift = 0;
  merged.forEach(([from, to], i) => {
    if (i) shift += Math.max(0, from - merged[i - 1][1] - gap);
    knots.push([from, from - shift], [to, to - shift]);
  });
  return (x) => between(knots, x);
}

/** Linear interpolation through `knots` [x, y], with slope 1 outside of them. */
function between(knots, x) {
  if (!knots.length) return x;
  let low = 0;
  let high = knots.length - 1;
  if (x <= knots[low][0]) return knots[low][1] + x - knots[low][0];
  if (x >= knots[high][0]) return knots[high][1] + x - knots[high][0];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle][0] <= x) low = middle;
    else high = middle;
  }
  const [x0, y0] = knots[low];
  const [x1, y1] = knots[high];
  return x1 === x0 ? y1 : y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

/** A box [x, y, width, height] with its corners mapped. */
function mapBox([x, y, w, h], fx, fy) {
  const left = fx(x);
  const top = fy(y);
  return [left, top, fx(x + w) - left, fy(y + h) - top];
}

/** The points of a curve that leaves the box `a` on the right and enters the box `b` on the left. */
function curve(a, b) {
  const start = [a[0] + a[2], a[1] + a[3] / 2];
  const end = [b[0] - 2, b[1] + b[3] / 2];
  const reach = Math.max(24, Math.abs(end[0] - start[0]) / 2);
  return [start, [start[0] + reach, start[1]], [end[0] - reach, end[1]], end];
}

/** SVG path data of a chain of cubic curves through `points`. */
function pathData(points) {
  const text = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  return `M${text[0]}C${text.slice(1).join(" ")}`;
}

/** The point in the middle of a chain of cubic curves. */
function middleOf(points) {
  const segments = (points.length - 1) / 3;
  const at = 3 * Math.floor(segments / 2);
  if (segments % 2 === 0) return points[at];
  const [a, b, c, d] = points.slice(at, at + 4);
  return [0, 1].map((i) => (a[i] + 3 * b[i] + 3 * c[i] + d[i]) / 8);
}
