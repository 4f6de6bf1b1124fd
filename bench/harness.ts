/** Runs a case: every engine in alternating rounds, numbers compared, rates against the machine's reference. */

import { alternate, type Candidate, type Measurement, type Row, relativeError, runtimeName } from "./report.ts";
import { limits, type Selection, type Suite } from "./selection.ts";

export type Arrays = Readonly<Record<string, ArrayLike<number>>>;

export interface Contender {
  readonly engine: "convlet" | "convlet-plain" | "bench-js";
  readonly numerics: "strict" | "relaxed" | "float64";
  /** Default 1. */
  readonly threads?: number;
  readonly run: () => unknown;
  /** What `run` computes, from the beginning. Called once, after the measurement. */
  readonly result: () => Arrays | Promise<Arrays>;
  /** Floating-point operations really made in a call: a fraction of the best loop with these numerics. */
  readonly arithmetic?: number;
}

export type Unit = "GFLOP/s" | "GB/s" | "images/s";
/** Work per millisecond → rate. */
const PER_MS: Record<Unit, number> = { "GFLOP/s": 1e-6, "GB/s": 1e-6, "images/s": 1e3 };

export interface BenchCase {
  readonly suite: Suite;
  readonly name: string;
  /** Of one call, in FLOP, bytes or images; the same for all engines whatever they really do. */
  readonly work: number;
  readonly unit: Unit;
  /** Read and written at least: inputs, weights and outputs once. */
  readonly bytes?: number;
  /** Of a kernel that moves data: its floating-point operations, one by one as its definition has them. */
  readonly operations?: number;
  /** Largest relative error of an engine's arrays against those of bench-js (of plain JS, of the first contender, where that is absent). */
  readonly tolerance: number;
  readonly contenders: readonly Contender[];
  /** Loops without arithmetic over as many bytes, measured in the same rounds: the fastest is the reference of a case that moves data. */
  readonly streams?: readonly (() => unknown)[];
}

/** The fastest loops of the machine. */
export interface Peaks {
  /** GFLOP/s; undefined where the engine has no such instructions. */
  best(numerics: string): number | undefined;
  /** Measures again, in rounds with `beside`, and keeps the larger figures: the processor's clock was another one at another time. */
  remeasure(beside: Candidate): Promise<Measurement>;
}

const STREAM = "stream";
const streamName = (index: number) => `${STREAM} ${index}`;
const REMEASURE_MS = 500;
/** How often the reference loop may have met a slower moment. */
const REMEASUREMENTS = 4;

/** What a stream loop may lose to a kernel that moves the same bytes in another order; an arithmetic loop loses to nobody. */
const STREAM_SLACK = 1.1;

export class Bench {
  readonly rows: Row[] = [];
  /** One line each. */
  private readonly leftOut = new Map<string, string[]>();
  /** What makes the bench fail. */
  readonly problems: string[] = [];
  /** GFLOP/s really done, by row number. */
  private readonly arithmetic = new Map<number, { benchCase: BenchCase; contender: Contender; rate: number }>();

  constructor(
    readonly options: Selection,
    private readonly peaks: Peaks,
    readonly say: (line: string) => void = () => {},
  ) {}

  /** Whether the options ask for a case; one that `--short` leaves out is said to be. */
  wants(suite: Suite, name: string, { inShort }: { inShort: boolean }): boolean {
    const wanted = this.options.suites.includes(suite) && (this.options.case === undefined || this.options.case === name);
    if (!wanted || inShort || !this.options.short || this.options.case === name) return wanted;
    this.leaveOut(name, "--short");
    return false;
  }

  /** Whether there is time for plain JavaScript to do so much work in a call; otherwise `what` is said to be left out. */
  affordsPlain(what: string, work: number): boolean {
    const estimateMs = work / PLAIN_WORK_PER_MS;
    if (estimateMs <= LONGEST_CALL * limits(this.options).maxTimeMs) return true;
    this.leaveOut(what, `a call takes about ${(estimateMs / 1000).toFixed(1)} s${this.options.short ? ", --short" : ""}`);
    return false;
  }

  leaveOut(what: string, reason: string): void {
    const others = this.leftOut.get(reason);
    if (others === undefined) this.leftOut.set(reason, [what]);
    else others.push(what);
  }

  /** A line for every reason. */
  get notRun(): readonly string[] {
    return [...this.leftOut].map(([reason, names]) => `${names.join(", ")}: ${reason}`);
  }

  async time(benchCase: BenchCase): Promise<void> {
    const { streams = [], contenders } = benchCase;
    this.say(`${benchCase.suite} ${benchCase.name}`);
    const candidates = contenders.map((contender) => ({ name: title(contender), run: contender.run }));
    candidates.push(...streams.map((run, index) => ({ name: streamName(index), run })));
    const measured = await alternate(candidates, limits(this.options, benchCase.suite));
    const equal = await this.compare(benchCase);
    const reference = streams.length > 0 ? await this.fastestStream(benchCase, measured) : undefined;
    if (reference !== undefined) this.add(benchCase, { engine: "reference", numerics: STREAM }, reference, { checked: false, fraction: 1 });
    for (const contender of contenders) {
      const measurement = measured.get(title(contender))!;
      const checked = equal.has(contender);
      const isReferred = contender.engine === "convlet";
      const fraction = isReferred && reference ? this.plausible(benchCase, contender, reference.minMs / measurement.minMs) : undefined;
      this.add(benchCase, contender, measurement, { checked, fraction });
      if (isReferred && reference === undefined && contender.arithmetic !== undefined) await this.refer(benchCase, contender, measurement.minMs);
    }
  }

  /** Rows of arithmetic, too, know their part of the reference now: its figure may have risen with every remeasurement. */
  finish(): readonly Row[] {
    return this.rows.map((row, index) => {
      const referred = this.arithmetic.get(index);
      const best = this.peaks.best(row.numerics);
      if (referred === undefined || best === undefined) return row;
      return { ...row, fraction: this.plausible(referred.benchCase, referred.contender, referred.rate / best) };
    });
  }

  private add(
    { suite, name, work, unit, bytes, operations }: BenchCase,
    {
      engine,
      numerics,
      threads = 1,
      arithmetic = engine === "convlet" ? operations : undefined,
    }: Pick<Contender, "threads" | "arithmetic"> & { engine: string; numerics: string },
    { medianMs, minMs }: Measurement,
    { checked, fraction }: { checked: boolean; fraction?: number },
  ): void {
    const rate = (work / medianMs) * PER_MS[unit];
    const row = { suite, case: name, engine, numerics, threads, runtime: runtimeName(), medianMs, minMs, rate, unit, checked };
    const done = { ...(arithmetic !== undefined && { arithmetic }), ...(bytes !== undefined && { bytes }) };
    this.rows.push({ ...row, ...done, ...(fraction !== undefined && { fraction }) });
  }

  /** Contenders whose numbers are those of the baseline, and the baseline itself when another one agrees with it. */
  private async compare({ name, tolerance, contenders }: BenchCase): Promise<Set<Contender>> {
    const equal = new Set<Contender>();
    const named = (name: Contender["engine"]) => contenders.find(({ engine }) => engine === name);
    const baseline = named("bench-js") ?? named("convlet-plain") ?? contenders[0];
    const expected = await baseline.result();
    for (const contender of contenders) {
      if (contender === baseline) continue;
      const actual = await contender.result();
      const [worst, error] = largestError(actual, expected);
      this.say(`  ${title(contender)}: error ${error.toExponential(1)}`);
      if (error <= tolerance) equal.add(contender).add(baseline);
      else
        this.problems.push(
          `${name} ${title(contender)}: ${worst} differs from ${title(baseline)} by ${error.toExponential(1)}, allowed ${tolerance}`,
        );
    }
    return equal;
  }

  /** Keeps the arithmetic rate of the last row: where that is above the loops', the one that it has in the same rounds as they. */
  private async refer(benchCase: BenchCase, contender: Contender, minMs: number): Promise<void> {
    const rateOf = (ms: number) => (contender.arithmetic! / ms) * PER_MS["GFLOP/s"];
    let rate = rateOf(minMs);
    const isAbove = () => rate > (this.peaks.best(contender.numerics) ?? Infinity);
    const beside = { name: title(contender), run: contender.run };
    for (let attempt = 0; attempt < REMEASUREMENTS && isAbove(); attempt++) rate = rateOf((await this.peaks.remeasure(beside)).minMs);
    this.arithmetic.set(this.rows.length - 1, { benchCase, contender, rate });
  }

  /**
   * Where a kernel seems faster, it and the loops are measured again, longer, and again while the slack does not explain it: one of them may have
   * met a better moment. `measured` gets the minima of all.
   */
  private async fastestStream({ contenders, streams = [] }: BenchCase, measured: Map<string, Measurement>): Promise<Measurement> {
    const loops = streams.map((run, index) => ({ name: streamName(index), run }));
    const fastest = () => loops.map(({ name }) => measured.get(name)!).reduce((a, b) => (b.minMs < a.minMs ? b : a));
    for (const contender of contenders.filter(({ engine }) => engine === "convlet")) {
      const name = title(contender);
      for (let attempt = 0; attempt < REMEASUREMENTS; attempt++) {
        const ratio = fastest().minMs / measured.get(name)!.minMs;
        if (ratio <= (attempt === 0 ? 1 : STREAM_SLACK)) break;
        const again = await alternate([...loops, { name, run: contender.run }], {
          ...limits(this.options),
          ...(!this.options.short && { minTimeMs: REMEASURE_MS }),
        });
        for (const [each, measurement] of again) if (measurement.minMs < measured.get(each)!.minMs) measured.set(each, measurement);
      }
    }
    return fastest();
  }

  /** The fraction; above the whole it is a problem. */
  private plausible({ name, streams }: BenchCase, contender: Contender, fraction: number): number {
    if (fraction > (streams === undefined ? 1 : STREAM_SLACK)) {
      this.problems.push(`${name} ${title(contender)}: ${fraction.toFixed(2)} of the reference: one of the two is measured wrongly`);
    }
    return fraction;
  }
}

/** Obvious loops reach about 0.3 GFLOP/s; those that move data as many GB/s. */
const PLAIN_WORK_PER_MS = 3e5;
/** A single call may take this many times what all calls of a fast engine may. */
const LONGEST_CALL = 4;

function title({ engine, numerics, threads = 1 }: Contender): string {
  return `${engine} ${numerics}${threads > 1 ? `, ${threads} threads` : ""}`;
}

/** Name and relative error of the worst array. */
export function largestError(actual: Arrays, expected: Arrays): [string, number] {
  let worst: [string, number] = ["", 0];
  for (const [name, array] of Object.entries(expected)) {
    const error = actual[name] === undefined ? Number.POSITIVE_INFINITY : relativeError(actual[name], array);
    if (error > worst[1]) worst = [name, error];
  }
  return worst;
}
