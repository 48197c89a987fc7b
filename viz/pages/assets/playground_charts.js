// The curves of the losses, and how large the gradients of each layer are.

class LossChart {
  constructor(canvas, colours) {
    this.canvas = canvas;
    this.colours = colours;
    this.isLogarithmic = false;
  }

  draw(history) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const { canvas, colours } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) [canvas.width, canvas.height] = [width, height].map((x) => Math.round(x * ratio));
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const last = Math.max(10, ...history.runs.map((run) => run.end));
    const [bottom, top] = this.range(history);
    const scale = this.isLogarithmic ? (loss) => Math.log(Math.max(loss, bottom) / bottom) / Math.log(top / bottom) : (loss) => loss / top;
    const [low, high] = [bottom, top].map((loss) => numberText(loss, 2));
    context.font = "11px system-ui, sans-serif";
    const left = 10 + Math.max(...[low, high].map((text) => context.measureText(text).width)); // the labels have their own place
    const x = (step) => left + ((width - 6 - left) * step) / last;
    const y = (loss) => height - 8 - (height - 16) * Math.min(1, scale(loss));
    const line = (points, colour, { wide = 1.6, dashes = [] } = {}) => {
      context.beginPath();
      const stride = Math.max(1, Math.floor(points.length / width));
      points.forEach(([step, loss], i) => {
        if (i % stride && i + 1 < points.length) return;
        if (Number.isFinite(loss)) context.lineTo(x(step), y(loss));
      });
      context.lineWidth = wide;
      context.setLineDash(dashes);
      context.strokeStyle = cssColour(colour);
      context.stroke();
      context.setLineDash([]);
    };
    const here = new Map();
    for (let run = history.run, end = run.end; run; end = run.from, run = run.parent) here.set(run, end);
    for (const run of history.runs) {
      const own = here.get(run) ?? run.from; // up to there the current run is this one
      line(measured(run.train, own, run.end), here.has(run) ? colours.quiet : colours.fork, { wide: 1.1 });
      if (!here.has(run)) continue;
      line(measured(run.train, run.from, own), run.parent ? colours.fork : colours.forward, { wide: 2 });
      line(measured(run.validation, run.from, own), colours.right, { dashes: [4, 3] });
    }
    const { step } = history.now;
    context.fillStyle = cssColour(colours.ink);
    context.fillRect(x(step) - 0.5, 4, 1, height - 8);
    context.fillStyle = cssColour(colours.quiet);
    context.textAlign = "right";
    context.fillText(high, left - 5, 14);
    context.fillText(low, left - 5, height - 6);
  }

  /** The smallest and the largest loss that the chart shows; it begins at 0 where the scale is not logarithmic. */
  range(history) {
    let [bottom, top] = [Infinity, 1e-12];
    const { runs } = history;
    const trained = runs.some((run) => run.train.length);
    for (const run of runs) {
      for (const losses of [run.train, run.validation]) {
        losses.forEach((loss) => {
          if (Number.isFinite(loss) && loss > 0) bottom = Math.min(bottom, loss);
          if (Number.isFinite(loss) && (losses === run.train || !trained)) top = Math.max(top, loss);
        });
      }
    }
    top *= 1.05;
    return this.isLogarithmic ? [Math.max(Math.min(bottom, top / 2), 1e-300), top] : [0, top];
  }
}

/** The losses that were measured, with their steps: that of validation once a picture. */
function measured(losses, from, to) {
  const points = [];
  losses.forEach((loss, step) => {
    if (step >= from && step <= to) points.push([step, loss]);
  });
  return points;
}

/** A bar for each layer: the root of the mean of its weights' squared gradients. */
class GradientBars {
  constructor(list, layers) {
    this.layers = layers;
    this.rows = layers.map((layer, k) => {
      const row = document.createElement("li");
      const bar = document.createElement("meter");
      const name = k + 1 === layers.length ? "output" : `hidden ${k + 1}`;
      bar.setAttribute("aria-label", `gradient of ${name}`);
      const text = document.createElement("span");
      row.append(bar, text);
      list.append(row);
      return { bar, text, name };
    });
  }

  draw(state) {
    const sizes = this.layers.map(({ gradient }) => {
      const data = state[gradient]?.data;
      if (!data) return 0;
      let sum = 0;
      for (const x of data) sum += x * x;
      return Math.sqrt(sum / data.length);
    });
    const top = Math.max(...sizes.filter(Number.isFinite), 1e-300);
    this.rows.forEach(({ bar, text, name }, k) => {
      bar.value = Number.isFinite(sizes[k]) ? sizes[k] / top : 1;
      text.textContent = `${name}  ${numberText(sizes[k], 2)}`;
    });
  }
}
