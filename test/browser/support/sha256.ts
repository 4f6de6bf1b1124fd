/** SHA-256 (FIPS 180-4) behind the calls that reproducibleTraining.ts makes: a page's own digest is asynchronous. */

const primes: number[] = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);

const fraction = (root: number) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
const initial = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const constants = primes.map((prime) => fraction(Math.cbrt(prime)));
const rotated = (word: number, by: number) => (word >>> by) | (word << (32 - by));

class Sha256 {
  private parts: Uint8Array[] = [];

  update(bytes: Uint8Array): this {
    this.parts.push(bytes.slice());
    return this;
  }

  digest(_: "hex"): string {
    const length = this.parts.reduce((sum, part) => sum + part.length, 0);
    const padded = new Uint8Array(Math.ceil((length + 9) / 64) * 64);
    let at = 0;
    for (const part of this.parts) {
      padded.set(part, at);
      at += part.length;
    }
    padded[length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setBigUint64(padded.length - 8, BigInt(length) * 8n);
    const state = Int32Array.from(initial);
    for (let block = 0; block < padded.length; block += 64) absorb(state, view, block);
    return [...state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

function absorb(state: Int32Array, view: DataView, block: number): void {
  const w = new Int32Array(64);
  for (let i = 0; i < 64; i++) {
    if (i < 16) w[i] = view.getInt32(block + 4 * i);
    else {
      const near = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      const far = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      w[i] = near + w[i - 7] + far + w[i - 16];
    }
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const first = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + w[i]) | 0;
    const second = ((rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] += word;
}

export const createHash = (_: "sha256") => new Sha256();
