// The state in the address, so that a link shares it: #step=13&view=network&w1=-2.87.

class Address {
  constructor(film) {
    this.film = film;
    this.embedded = location.protocol === "about:";
    const counts = new Map();
    for (const { label } of film.nodes) counts.set(label, (counts.get(label) ?? 0) + 1);
    this.keys = film.nodes.map((node, k) => {
      const once = node.label && counts.get(node.label) === 1;
      return once && !["step", "view", "lecture"].includes(node.label) ? node.label : `node${k}`;
    });
  }

  /** What the address asks for: {step, view, values}; step is null where it asks for none. */
  read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const step = /^\d+$/.test(asked.get("step") ?? "") ? Number(asked.get("step")) : null;
    const values = [];
    this.keys.forEach((key, k) => {
      const x = asked.get(key);
      if (x !== null && x.trim() !== "" && !Number.isNaN(Number(x))) values.push([k, Number(x)]);
    });
    return { step, view: asked.get("view") ?? "graph", values };
  }

  /** Write the state, at most once in a tenth of a second: browsers refuse more. */
  write(state) {
    if (this.embedded) return;
    this.state = state;
    if (this.waits) return;
    this.put(state);
    this.waits = setTimeout(() => {
      this.waits = null;
      if (this.state !== state) this.write(this.state);
    }, 100);
  }

  put({ step, view, values }) {
    const parts = [["step", step]];
    if (view !== "graph") parts.push(["view", view]);
    for (const [k, x] of values) parts.push([encodeURIComponent(this.keys[k]), x]);
    history.replaceState(null, "", `#${parts.map((pair) => pair.join("=")).join("&")}`);
  }
}
