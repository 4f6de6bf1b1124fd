/** The ladder's own kernels (bench/ladder/assembly) on one memory. */
import relaxedWasm from "../../build/ladder-relaxed.wasm";
import strictWasm from "../../build/ladder-strict.wasm";
import type { Numerics } from "../../src/machine/wasm.ts";
import type { ConvCase, ConvData } from "../cases.ts";

export type KernelName = "scalar" | "simd" | "tile";
type Kernel = (input: number, weight: number, bias: number, output: number, size: number, inChannels: number, outChannels: number) => void;
interface Exports extends Record<KernelName, Kernel> {
  packPanels(weight: number, panels: number, inChannels: number, outChannels: number): void;
}

const ALIGNMENT = 64;
const PAGE_BYTES = 65536;

export class LadderKernels {
  private readonly memory: WebAssembly.Memory;
  private readonly output: Float32Array;
  private readonly at = { input: 0, weight: 0, panels: 0, bias: 0, output: 0 };
  private readonly exports = new Map<Numerics, Exports>();

  constructor(
    private readonly conv: ConvCase,
    { input, weight, bias }: ConvData,
  ) {
    const { size, inChannels, outChannels } = conv;
    const halo = (size + 2) ** 2 * inChannels;
    const counts = { input: halo, weight: weight.length, panels: weight.length, bias: bias.length, output: size ** 2 * outChannels };
    let end = ALIGNMENT;
    for (const [name, count] of Object.entries(counts)) {
      this.at[name as keyof typeof counts] = end;
      end = Math.ceil((end + 4 * count) / ALIGNMENT) * ALIGNMENT;
    }
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE_BYTES) });
    const floats = (address: number, count: number) => new Float32Array(this.memory.buffer, address, count);
    const rowLength = size * inChannels;
    for (let y = 0; y < size; y++) {
      const row = this.at.input + 4 * (((y + 1) * (size + 2) + 1) * inChannels);
      floats(row, rowLength).set(input.subarray(y * rowLength, (y + 1) * rowLength));
    }
    floats(this.at.weight, weight.length).set(weight);
    floats(this.at.bias, bias.length).set(bias);
    this.output = floats(this.at.output, counts.output);
  }

  /** `output` is shared by all steps: what the last run left. */
  step(name: KernelName, numerics: Numerics): { run: () => void; output: Float32Array } {
    const { size, inChannels, outChannels } = this.conv;
    const { input, weight, panels, bias, output } = this.at;
    const exports = this.instance(numerics);
    const kernel = exports[name];
    if (name === "tile") exports.packPanels(weight, panels, inChannels, outChannels);
    const weights = name === "tile" ? panels : weight;
    return { run: () => kernel(input, weights, bias, output, size, inChannels, outChannels), output: this.output };
  }

  private instance(numerics: Numerics): Exports {
    const made = this.exports.get(numerics);
    if (made !== undefined) return made;
    const module = new WebAssembly.Module(numerics === "strict" ? strictWasm : relaxedWasm);
    const exports = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports as unknown as Exports;
    this.exports.set(numerics, exports);
    return exports;
  }
}
