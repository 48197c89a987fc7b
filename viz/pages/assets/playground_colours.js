// The colours of the canvases, from the page's style, and how a number is shaded.

/** A colour of the style sheet as [red, green, blue]. */
function styleColour(name) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const sample = document.createElement("span");
  sample.hidden = true;
  sample.className = `colour-${name}`;
  document.body.append(sample);
  probe.fillStyle = getComputedStyle(sample).color;
  sample.remove();
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

const cssColour = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
const mixed = (a, b, share) => a.map((x, i) => Math.round(x + (b[i] - x) * share));

const PALE = 0.5; // how much of a class's colour the net's answer has, so that the samples are easy to see

class Colours {
  constructor() {
    this.read();
  }

  read() {
    const read = (name) => styleColour(name);
    this.paper = read("paper");
    this.ink = read("ink");
    this.quiet = read("quiet");
    this.line = read("line");
    this.middle = read("middle");
    this.forward = read("forward");
    this.backward = read("backward");
    this.fork = read("fork");
    this.right = read("right");
    this.classes = ["negative", "positive", "third", "fourth", "fifth", "sixth"].map(read);
    this.pale = this.scale(PALE);
    this.full = this.scale(1);
  }

  /** 256 colours from the negative over the middle to the positive, as bytes of red, green, blue and alpha. */
  scale(strength) {
    const table = new Uint8ClampedArray(256 * 4);
    for (let i = 0; i < 256; i += 1) {
      const x = (i - 127.5) / 127.5;
      const colour = mixed(this.middle, this.classes[x < 0 ? 0 : 1], strength * Math.abs(x) ** 0.75);
      table.set([...colour, 255], i * 4);
    }
    return new Uint32Array(table.buffer);
  }

  signed(x) {
    return this.classes[x < 0 ? 0 : 1];
  }
}

/** A number from -1 to 1 as a place in a scale; what is no number is in the middle. */
const shade = (x) => (x < 1 ? Math.max(0, Math.round(127.5 + 127.5 * x)) : x >= 1 ? 255 : 128);
