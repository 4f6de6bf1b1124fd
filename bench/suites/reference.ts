/** The fastest loops of this machine, hot in cache for arithmetic, 192 MB for streams. Every other figure is a fraction of these. */
import relaxedWasm from "../../build/reference-relaxed.wasm";
import strictWasm from "../../build/reference-strict.wasm";
import { type Numerics, supportsRelaxed } from "../../src/machine/wasm.ts";
import type { Peaks } from "../harness.ts";
import { alternate, type Candidate, type Measurement, type Row, runtimeName } from "../report.ts";
import { limits, type Selection } from "../selection.ts";

/** Out of the largest caches. */
const STREAM_BYTES = 192 * 2 ** 20;
const PAGE_BYTES = 65536;
/** Streams start behind the operands of the arithmetic loops. */
const STREAMS = PAGE_BYTES;
/** Even a short run looks for the fastest moment of a busy machine. */
const MIN_TIME_MS = 200;
/** Operands of the arithmetic loops: all of them fit the first-level cache. */
const ENDS = 512;
const CHAIN_OPERANDS = 1024;
const TILE_A = 2048;
const TILE_B = 8192;
const STEPS = 256;
const TIMES = 100;
/** The float -1 as a word. */
const MINUS_ONE = 0xbf800000 | 0;
/** Per step: 13 chains, or 4 x 8 sums. */
const FLOP = { chains: 104, tile4x8: 64 } as const;

/** See bench/assembly/reference.ts. */
export interface Streams {
  copyStream(from: number, to: number, bytes: number): void;
  copyVectors(from: number, to: number, bytes: number): void;
  readStream(from: number, bytes: number): number;
  inPlaceStream(at: number, bytes: number): void;
  joinStream(a: number, b: number, to: number, bytes: number): void;
  quarterStream(from: number, to: number, cells: number, pairs: number, rowBytes: number, reach: number): void;
  spreadStream(from: number, cells: number, to: number, pairs: number, rowBytes: number): void;
  adamStream(gradient: number, first: number, second: number, weight: number, bytes: number, mask: number): void;
}

interface Exports extends Streams {
  repeatChains(operands: number, ends: number, steps: number, times: number): void;
  repeatTile4x8(a: number, b: number, sums: number, steps: number, times: number): void;
}

interface Loop extends Candidate {
  readonly numerics: Numerics;
  /** FLOP or bytes of a call. */
  readonly work: number;
  readonly unit: "GFLOP/s" | "GB/s";
  isRight(): boolean;
}

export class References implements Peaks {
  readonly rows: Row[] = [];
  private readonly memory = new WebAssembly.Memory({ initial: (STREAMS + STREAM_BYTES) / PAGE_BYTES + 1 });
  private readonly loops: Exports;
  private readonly arithmetic: Loop[] = [];
  private readonly peak = new Map<string, number>();

  constructor(private readonly options: Pick<Selection, "short">) {
    this.loops = instantiate("strict", this.memory);
    const floats = new Float32Array(this.memory.buffer);
    floats.fill(0.5, CHAIN_OPERANDS / 4, CHAIN_OPERANDS / 4 + 4).fill(1, CHAIN_OPERANDS / 4 + 4, CHAIN_OPERANDS / 4 + 8);
    floats.fill(1, TILE_A / 4, TILE_A / 4 + 4 * STEPS).fill(1, TILE_B / 4, TILE_B / 4 + 8 * STEPS);
    for (const numerics of supportsRelaxed() ? (["strict", "relaxed"] as const) : (["strict"] as const)) {
      this.arithmetic.push(...this.arithmeticLoops(numerics));
    }
  }

  best(numerics: string): number | undefined {
    return this.peak.get(numerics);
  }

  async remeasure(beside: Candidate): Promise<Measurement> {
    const measured = await this.fastest([...this.arithmetic, beside]);
    for (const { name, numerics, work } of this.arithmetic) {
      this.peak.set(numerics, Math.max(this.peak.get(numerics) ?? 0, (work / measured.get(name)!.minMs) * 1e-6));
    }
    return measured.get(beside.name)!;
  }

  /** The rows of the suite. */
  async measure(): Promise<void> {
    for (const loops of [this.arithmetic, this.streamLoops()]) {
      const measured = await this.fastest(loops);
      for (const loop of loops) this.add(loop, measured.get(loop.name)!);
    }
  }

  private fastest(loops: readonly Candidate[]): Promise<Map<string, Measurement>> {
    return alternate(loops, { ...limits(this.options), minTimeMs: MIN_TIME_MS });
  }

  private add({ name, numerics, work, unit, isRight }: Loop, { medianMs, minMs }: Measurement): void {
    if (unit === "GFLOP/s") this.peak.set(numerics, Math.max(this.peak.get(numerics) ?? 0, (work / minMs) * 1e-6));
    const rate = (work / medianMs) * 1e-6;
    const row = { suite: "reference", case: name, engine: "reference", numerics, threads: 1, runtime: runtimeName() };
    this.rows.push({ ...row, medianMs, minMs, rate, unit, checked: isRight() });
  }

  private arithmeticLoops(numerics: Numerics): Loop[] {
    const { repeatChains, repeatTile4x8 } = instantiate(numerics, this.memory);
    const operation = numerics === "strict" ? "mul+add" : "fused";
    const loop = { numerics, unit: "GFLOP/s" } as const;
    const chains = () => repeatChains(CHAIN_OPERANDS, ENDS, STEPS, TIMES);
    const tile = () => repeatTile4x8(TILE_A, TILE_B, ENDS, STEPS, TIMES);
    // c ← c / 2 + 1 ends at 2; c ← c + 0.5 counts.
    const chainEnd = numerics === "strict" ? 2 : 1 + STEPS / 2;
    const isRight = (run: () => void, count: number, value: number) => () => {
      run();
      return new Float32Array(this.memory.buffer, ENDS, count).every((end) => end === value);
    };
    return [
      { ...loop, name: `${operation}, 13 chains`, run: chains, work: TIMES * STEPS * FLOP.chains, isRight: isRight(chains, 52, chainEnd) },
      { ...loop, name: `${operation}, 4x8 tile`, run: tile, work: TIMES * STEPS * FLOP.tile4x8, isRight: isRight(tile, 32, STEPS) },
    ];
  }

  /** Checked on the last value of a stream. */
  private streamLoops(): Loop[] {
    const { copyStream, readStream, inPlaceStream, adamStream } = this.loops;
    const half = STREAM_BYTES / 2;
    // Not whole 4 kB apart: a load waits for a store before it that has the same last 12 bits.
    const quarter = STREAM_BYTES / 4 - 1408;
    const words = () => new Int32Array(this.memory.buffer, STREAMS, STREAM_BYTES / 4);
    const loop = { numerics: "strict", unit: "GB/s" } as const;
    const copy = () => copyStream(STREAMS, STREAMS + half, half);
    const read = () => readStream(STREAMS, STREAM_BYTES);
    const relu = () => inPlaceStream(STREAMS, STREAM_BYTES);
    const adam = () => adamStream(STREAMS, STREAMS + quarter, STREAMS + 2 * quarter, STREAMS + 3 * quarter, quarter, -1);
    const last = STREAM_BYTES / 4 - 1;
    const ends = (run: () => void, [at, before, after]: readonly number[], end = last) => {
      words()[end] = 0;
      words()[at] = before;
      run();
      return words()[end] === after;
    };
    const empty = () => {
      words().fill(0);
      const nothing = read() === 0;
      words()[last] = 1;
      return nothing && read() === 1;
    };
    return [
      { ...loop, name: "copy 96 MB", run: copy, work: STREAM_BYTES, isRight: () => ends(copy, [half / 4 - 1, 7, 7]) },
      { ...loop, name: "read 192 MB", run: read, work: STREAM_BYTES, isRight: empty },
      { ...loop, name: "relu in place, 192 MB", run: relu, work: 2 * STREAM_BYTES, isRight: () => ends(relu, [last, MINUS_ONE, 0]) },
      {
        ...loop,
        name: "adam, 4 x 48 MB",
        run: adam,
        work: 7 * quarter,
        isRight: () => ends(adam, [quarter / 4 - 1, 7, 7], quarter - 1),
      },
    ];
  }
}

/** The stream loops on a model's own memory, where pages and distances are those that its kernels meet. */
export function streamsOn(memory: WebAssembly.Memory): Streams {
  return instantiate("strict", memory);
}

function instantiate(numerics: Numerics, memory: WebAssembly.Memory): Exports {
  const module = new WebAssembly.Module(numerics === "strict" ? strictWasm : relaxedWasm);
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports;
}
