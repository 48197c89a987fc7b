// The state in the address, so that a link shares it: #step=13&view=network&w1=-2.87. Of an array the entries that were
// changed are there with their places, W=0:0.5;3:-1; where that is most of them, W=~ and the bytes of all.

const LONGEST = 30_000; // characters that a link may have

/** The bytes of numbers in letters that an address may hold. */
function packed(numbers) {
  const bytes = new Uint8Array(Float64Array.from(numbers).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The numbers from such letters; none if they are no numbers. */
function unpacked(letters) {
  try {
    const text = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
    return [...new Float64Array(Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer)];
  } catch {
    return [];
  }
}

class Address {
  constructor(film) {
    this.film = film;
    this.embedded = location.protocol === "about:";
    this.written = location.hash; // the address as the page knows it
    const counts = new Map();
    for (const { label } of film.nodes) counts.set(label, (counts.get(label) ?? 0) + 1);
    this.keys = film.nodes.map((node, k) => {
      const once = node.label && counts.get(node.label) === 1;
      return once && !["step", "view", "lecture"].includes(node.label) ? node.label : `node${k}`;
    });
  }

  /** What the address asks for: {step, view, changes}; step is null where it asks for none. */
  read() {
    this.written = location.hash;
    const asked = new URLSearchParams(location.hash.slice(1));
    const step = /^\d+$/.test(asked.get("step") ?? "") ? Number(asked.get("step")) : null;
    const changes = [];
    this.keys.forEach((key, k) => {
      const text = asked.get(key)?.trim();
      if (text) changes.push(...this.entriesIn(text, k).map(([i, x]) => [k, i, x]));
    });
    return { step, view: asked.get("view") ?? "graph", changes };
  }

  /** The places and numbers that the text names in node `k`. */
  entriesIn(text, k) {
    const size = this.film.numbers.canChange(k) ? this.film.numbers.size(k) : 0;
    const pairs = text.startsWith("~")
      ? unpacked(text.slice(1)).map((x, i) => [i, x])
      : text.split(";").map((part) => (part.includes(":") ? part.split(":").map(Number) : [0, Number(part)]));
    return pairs.filter(([i, x]) => Number.isInteger(i) && i >= 0 && i < size && !Number.isNaN(x));
  }

  /** The numbers in these places of node `k` as a text. */
  text(k, places) {
    const { numbers } = this.film;
    const size = numbers.size(k);
    if (size === 1) return String(numbers.entry(k));
    if (2 * places.length > size) return `~${packed(Array.from({ length: size }, (_, i) => numbers.entry(k, i)))}`;
    return places.map((i) => `${i}:${numbers.entry(k, i)}`).join(";");
  }

  /** Write the state, at most once in a tenth of a second: browsers refuse more. An address that a person has typed
      meanwhile is left as it is: it is read next. */
  write(state) {
    if (this.embedded || location.hash !== this.written) return;
    this.state = state;
    if (this.waits) return;
    this.put(state);
    this.waits = setTimeout(() => {
      this.waits = null;
      if (this.state !== state) this.write(this.state);
    }, 100);
  }

  /** Whether the address has all numbers that were changed. */
  put({ step, view, differing }) {
    const parts = [["step", step]];
    if (view !== "graph") parts.push(["view", view]);
    const numbers = differing.map(([k, places]) => [encodeURIComponent(this.keys[k]), this.text(k, places)]);
    const length = numbers.reduce((sum, [key, text]) => sum + key.length + text.length + 2, 0);
    this.isComplete = length <= LONGEST;
    if (this.isComplete) parts.push(...numbers);
    history.replaceState(null, "", `#${parts.map((pair) => pair.join("=")).join("&")}`);
    this.written = location.hash;
  }
}
