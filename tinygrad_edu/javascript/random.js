// NumPy's default generator, PCG64 (O'Neill 2014: PCG XSL RR 128/64), bit for bit.

const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const PCG_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

class PCG64 {
  /** From the state and increment of `rng.bit_generator.state["state"]`, as texts. */
  constructor(state, increment) {
    this.state = BigInt(state);
    this.increment = BigInt(increment);
  }

  /** The next 64 bits. */
  next() {
    this.state = (this.state * PCG_MULTIPLIER + this.increment) & MASK_128;
    const folded = (this.state >> 64n) ^ (this.state & MASK_64);
    const turn = this.state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
  }

  /** rng.random(shape): numbers from 0 up to 1, from the upper 53 bits. */
  random(shape = null) {
    const draw = () => Number(this.next() >> 11n) / 2 ** 53;
    if (shape === null) return draw();
    const out = empty([shape].flat());
    for (let i = 0; i < out.size; i += 1) out.data[i] = draw();
    return out;
  }

  copy() {
    return new PCG64(this.state, this.increment);
  }
}
