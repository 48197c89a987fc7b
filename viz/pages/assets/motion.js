// The number that travels along an edge: forward a value, backward a gradient that meets the local derivative.

class Motion {
  constructor(graph) {
    this.graph = graph;
    this.layer = document.getElementById("motion");
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** Take away what travels. */
  clear() {
    cancelAnimationFrame(this.frame);
    this.layer.replaceChildren();
  }

  /** Let `texts` (at the start, on the second half) travel along the edges `ks`, in `duration` ms; `back` against them. */
  run(ks, textsOf, { duration, back }) {
    this.clear();
    const pills = ks.map((k) => this.pill(k, textsOf(k), back)).filter(Boolean);
    if (this.calm.matches || duration < 120) return this.clear();
    const began = performance.now();
    const tick = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / duration));
      for (const place of pills) place(t);
      if (t < 1) this.frame = requestAnimationFrame(tick);
      else this.clear();
    };
    this.frame = requestAnimationFrame(tick);
    return null;
  }

  /** A number in a rounded box; returns how to place it at time t, from 0 to 1. */
  pill(k, [first, second], back) {
    const wire = this.graph.wires[this.graph.drawnAs[k]];
    if (!wire) return null;
    const length = wire.path.getTotalLength();
    const from = wire.path.getPointAtLength(0).x; // beside the input's box, whose numbers must stay in sight
    let half = 0;
    const rect = make("rect", { height: 24, rx: 12, y: -12 });
    const text = make("text", { "text-anchor": "middle", y: 4.5 });
    const g = make("g", { class: back ? "pill backward" : "pill forward" }, rect, text);
    this.layer.append(g);
    return (t) => {
      const shown = t < 0.5 ? first : second;
      if (text.textContent !== shown) {
        text.textContent = shown;
        half = Math.max(22, 4 * [...shown].length + 9);
        rect.setAttribute("width", 2 * half);
        rect.setAttribute("x", -half);
      }
      const eased = t * t * (3 - 2 * t);
      const { x, y } = wire.path.getPointAtLength(length * (back ? 1 - eased : eased));
      g.setAttribute("transform", `translate(${Math.max(x, from + half).toFixed(1)} ${y.toFixed(1)})`);
      g.setAttribute("opacity", String(Math.min(1, 12 * (1 - t)))); // it falls into the sum
    };
  }
}
