/** The speeds that the library promises itself: what must be reached, what is chased, and how each is read from a run's rows. */
import { parseCase } from "./cases.ts";
import { type Curve, offences } from "./growth.ts";
import { PLANS } from "./growthPlans.ts";
import { type Row, significant, table, threadRatios } from "./report.ts";

/** What a floor needs of rows of the rivals. */
export interface RivalFigure {
  readonly case: string;
  readonly engine: string;
  readonly numerics: string;
  readonly threads: number;
  readonly kind: "convlet" | "wasm" | "js" | "native";
  readonly minMs: number;
}

/** What a run measured; a command measures its own part. */
export interface Evidence {
  /** Of `npm run bench`. */
  readonly rows: readonly Row[];
  readonly growth: readonly Curve[];
  /** Bytes of the training program's arena at batch 64. */
  readonly arenaBytes?: number;
  /** Of `npm run bench:rivals`. */
  readonly rivals: readonly RivalFigure[];
  readonly coldStarts: readonly { readonly engine: string; readonly medianMs: number }[];
}

type Command = "bench" | "bench:rivals";

/** A limit and what is compared with it. */
interface Mark {
  readonly limit: number;
  readonly unit: string;
  /** undefined where the run did not measure it. */
  readonly value: (evidence: Evidence) => number | undefined;
}

export interface Floor {
  readonly work: string;
  readonly numerics: string;
  readonly by: Command;
  readonly better: "more" | "less";
  readonly floor: Mark;
  /** Absent where the floor is all there is. */
  readonly goal?: Mark;
}

export interface Judged {
  readonly floor: Floor;
  readonly reached: number | undefined;
  /** Whether the floor is reached; undefined where it was not measured. */
  readonly passes: boolean | undefined;
  readonly reachedGoal: number | undefined;
  readonly meetsGoal: boolean | undefined;
}

const TRAINING = "mnist_cnn-train@64";
const OWN = "of the reference loop";
const WASM = "x the best WASM rival";
const NATIVE = "x onnxruntime-node";
const TORCH = "x PyTorch";

export const FLOORS: readonly Floor[] = [
  ...(["relaxed", "strict"] as const).map((numerics) => fraction(["gemm_256/packing", "gemm_512/packing"], numerics, [0.85, 0.95])),
  ...["conv_64_64_3_1_1_56_1", "conv_256_256_3_1_1_14_1"].flatMap((name) => [
    against(name, "relaxed", 3, native(name, "relaxed")),
    against(name, "strict", 2.3, rival(name, "strict", 3)),
  ]),
  against("conv_128_256_1_1_0_28_1", "relaxed", 1.6, rival("conv_128_256_1_1_0_28_1", "relaxed", 1.9)),
  against("conv_96_96_3_1_1_56_96", "relaxed", 1.5, native("conv_96_96_3_1_1_56_96", "relaxed")),
  ...["conv_3_32_3_2_1_224_1", "conv_1_32_5_1_0_28_1@32"].map((name) => against(name, "relaxed", 1.4, rival(name, "relaxed", 2))),
  ofPeak("conv_64_64_3_1_1_56_1@8/inputGrad", [1.2, 1.7]),
  ofPeak("conv_64_64_3_1_1_56_1@8/weightGrad", [0.77, 1.5]),
  ...["maxpool_2_64_24@1024", "maxpool_2_64_24@1024/inputGrad", "batchnorm_64_24@1024", "batchnorm_64_24@1024/inputGrad", "relu_64_24@1024"].map(
    (name) => fraction([name], "strict", [0.8, 0.95]),
  ),
  fraction(["adam_18876416"], "strict", [0.8, 0.95]),
  against("mnist_cnn@1", "relaxed", 2.2, native("mnist_cnn@1", "relaxed")),
  against("mnist_cnn@64", "relaxed", 2.5, native("mnist_cnn@64", "relaxed")),
  training("strict", "bench:rivals", imagesPerSecond("strict", 550), over("strict", "pytorch", 1.2, TORCH)),
  training("strict", "bench:rivals", over("strict", "convnetjs", 60, "x ConvNetJS")),
  training("relaxed", "bench:rivals", imagesPerSecond("relaxed", 700), over("relaxed", "pytorch", 1.5, TORCH)),
  training("strict", "bench", overTuned(8), overTuned(15)),
  {
    ...{ work: "ox@1, predictSync", numerics: "relaxed", by: "bench:rivals", better: "less" },
    ...{ floor: oxMicroseconds(2), goal: oxMicroseconds(1) },
  },
  { work: "ox@1, predictSync", numerics: "relaxed", by: "bench:rivals", better: "more", floor: anyRival("ox@1", "relaxed", 5) },
  ...threaded(),
  { work: "import → first prediction", numerics: "default", by: "bench:rivals", better: "less", floor: coldStart(30), goal: coldStart(12) },
  { work: "arena of training, batch 64", numerics: "", by: "bench", better: "less", floor: arena(31), goal: arena(25) },
  { work: "growth of cost", numerics: "both", by: "bench", better: "less", floor: growthPairs() },
];

function about(by: Command, work: string, numerics: string, better: Floor["better"] = "more") {
  return { by, work, numerics, better };
}

/** The smallest fraction of the reference among the rows of these cases. */
function fraction(cases: readonly string[], numerics: string, [floor, goal]: readonly [number, number]): Floor {
  const value = ({ rows }: Evidence) => {
    const found = cases.map((name) => rows.find((row) => row.case === name && row.engine === "convlet" && row.numerics === numerics)?.fraction);
    return found.some((each) => each === undefined) ? undefined : Math.min(...(found as number[]));
  };
  const mark = (limit: number) => ({ limit, unit: OWN, value });
  return { ...about("bench", cases.join(", "), numerics), floor: mark(floor), goal: mark(goal) };
}

/** Rate at the work of the direct sum, of the fused peak. */
function ofPeak(name: string, [floor, goal]: readonly [number, number]): Floor {
  const value = ({ rows }: Evidence) => {
    const row = rows.find((each) => each.case === name && each.engine === "convlet" && each.numerics === "relaxed");
    const peaks = rows.filter(({ suite, numerics, unit }) => suite === "reference" && numerics === "relaxed" && unit === "GFLOP/s");
    if (row === undefined || peaks.length === 0) return undefined;
    const rateOf = ({ rate, medianMs, minMs }: Row) => (rate * medianMs) / minMs;
    return rateOf(row) / Math.max(...peaks.map(rateOf));
  };
  const mark = (limit: number) => ({ limit, unit: "of the FMA peak, direct-equivalent", value });
  return { ...about("bench", name, "relaxed"), floor: mark(floor), goal: mark(goal) };
}

function against(name: string, numerics: string, floor: number, goal: Mark): Floor {
  return { ...about("bench:rivals", name, numerics), floor: rival(name, numerics, floor), goal };
}

function rival(name: string, numerics: string, limit: number): Mark {
  return { limit, unit: WASM, value: (evidence) => speedOver(evidence, name, numerics, ({ kind }) => kind === "wasm") };
}

function native(name: string, numerics: string): Mark {
  return { limit: 1, unit: NATIVE, value: (evidence) => speedOver(evidence, name, numerics, ({ engine }) => engine === "onnxruntime-node") };
}

function anyRival(name: string, numerics: string, limit: number): Mark {
  return { limit, unit: "x any rival", value: (evidence) => speedOver(evidence, name, numerics, ({ kind }) => kind !== "convlet") };
}

function over(numerics: string, engine: string, limit: number, unit: string): Mark {
  return { limit, unit, value: (evidence) => speedOver(evidence, TRAINING, numerics, (row) => row.engine === engine) };
}

/** Time of the fastest rival over ours, one thread, minima. */
function speedOver({ rivals }: Evidence, name: string, numerics: string, isMeant: (row: RivalFigure) => boolean): number | undefined {
  const rows = rivals.filter((row) => row.case === name && row.threads === 1);
  const own = rows.find((row) => row.kind === "convlet" && row.numerics === numerics);
  const others = rows.filter(isMeant).map(({ minMs }) => minMs);
  return own === undefined || others.length === 0 ? undefined : Math.min(...others) / own.minMs;
}

function training(numerics: string, by: Command, floor: Mark, goal?: Mark): Floor {
  return { ...about(by, TRAINING, numerics), floor, ...(goal && { goal }) };
}

function imagesPerSecond(numerics: string, limit: number): Mark {
  const isOwn = (row: RivalFigure) => row.case === TRAINING && row.kind === "convlet" && row.numerics === numerics;
  const value = ({ rivals }: Evidence) => {
    const own = rivals.find(isOwn);
    return own && (64 / own.minMs) * 1000;
  };
  return { limit, unit: "images/s", value };
}

function overTuned(limit: number): Mark {
  const value = ({ rows }: Evidence) => {
    const timed = (engine: string, numerics: string) =>
      rows.find((row) => row.suite === "training" && row.engine === engine && row.numerics === numerics);
    const [own, tuned] = [timed("convlet", "strict"), timed("bench-js", "float64")];
    return own && tuned && tuned.minMs / own.minMs;
  };
  return { limit, unit: "x tuned JavaScript", value };
}

function oxMicroseconds(limit: number): Mark {
  const isOwn = (row: RivalFigure) => row.case === "ox@1" && row.kind === "convlet" && row.numerics === "relaxed";
  const value = ({ rivals }: Evidence) => {
    const own = rivals.find(isOwn);
    return own && own.minMs * 1000;
  };
  return { limit, unit: "µs", value };
}

/** Training, inference and single layers of at least a MFLOP. */
function threaded(): Floor[] {
  const names = ["mnist_cnn-train@64", "mnist_cnn@64", "conv_64_64_3_1_1_56_1", "conv_256_256_3_1_1_14_1", "conv_128_256_1_1_0_28_1"];
  names.push("conv_96_96_3_1_1_56_96", "conv_3_32_3_2_1_224_1", "conv_1_32_5_1_0_28_1@32");
  return names.map((name) => {
    if (parseCase(name).flop < 1e6) throw new Error(`internal: ${name} is too small for threads`);
    const value = ({ rows }: Evidence) => threadRatios(rows).find((each) => each.case === name)?.ratio;
    const mark = (limit: number) => ({ limit, unit: "x one thread", value });
    return { ...about("bench", `${name}, two threads`, "strict"), floor: mark(1.7), goal: mark(1.9) };
  });
}

function coldStart(limit: number): Mark {
  return { limit, unit: "ms", value: ({ coldStarts }) => coldStarts.find(({ engine }) => engine === "convlet")?.medianMs };
}

function arena(limit: number): Mark {
  return { limit, unit: "MB", value: ({ arenaBytes }) => arenaBytes && arenaBytes / 1e6 };
}

/** Only where all of the suite was run. */
function growthPairs(): Mark {
  const value = ({ growth }: Evidence) => (growth.length < PLANS.length ? undefined : growth.flatMap(offences).length);
  return { limit: 0, unit: "pairs beyond 1.15x", value };
}

export function judge(evidence: Evidence, floors: readonly Floor[] = FLOORS): Judged[] {
  return floors.map((floor) => {
    const reached = floor.floor.value(evidence);
    const reachedGoal = floor.goal?.value(evidence);
    return {
      floor,
      reached,
      passes: holds(floor, floor.floor, reached),
      reachedGoal,
      meetsGoal: floor.goal && holds(floor, floor.goal, reachedGoal),
    };
  });
}

function holds({ better }: Floor, { limit }: Mark, value: number | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  return better === "more" ? value >= limit : value <= limit;
}

/** A line per floor. What this run did not measure names the command that does. */
export function floorsMarkdown(judged: readonly Judged[]): string {
  const header = ["work", "numerics", "floor", "reached", "", "goal", "reached", ""];
  return `## floors\n\n${table(header, judged.map(floorCells), [])}\n`;
}

export function floorCells({ floor: { work, numerics, by, floor, goal }, reached, passes, reachedGoal, meetsGoal }: Judged): string[] {
  const word = (holds: boolean | undefined, yes: string, no: string) => (holds === undefined ? "" : holds ? yes : no);
  const shown = (value: number | undefined) => (value === undefined ? `not in this run: npm run ${by}` : significant(value));
  const marked = (mark: Mark | undefined) => (mark === undefined ? "" : `${mark.limit} ${mark.unit}`);
  const own = [work, numerics, marked(floor), shown(reached), word(passes, "pass", "FAIL")];
  return [...own, marked(goal), goal === undefined || reachedGoal === undefined ? "" : significant(reachedGoal), word(meetsGoal, "goal", "")];
}

/** What the bench fails of. */
export function missed(judged: readonly Judged[]): string[] {
  const low = judged.filter(({ passes }) => passes === false);
  return low.map(
    ({ floor: { work, numerics, floor }, reached }) =>
      `floor missed: ${work}${numerics && `, ${numerics}`}: ${significant(reached!)}, needs ${floor.limit} ${floor.unit}`,
  );
}
