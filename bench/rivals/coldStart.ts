/** Time from the first import to the first prediction, in fresh processes that take turns. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportProgram } from "../../src/index.ts";
import { relativeError } from "../report.ts";
import { expected, OUTPUT_TOLERANCE } from "./check.ts";
import { convletModel } from "./convlet.ts";
import { inputNchw } from "./layout.ts";
import { median } from "./measure.ts";
import { onnxModel } from "./onnxModel.ts";
import { workloadOf } from "./workload.ts";

export interface ColdStart {
  readonly engine: "convlet" | "convlet-run" | "tfjs-wasm" | "onnxruntime-web";
  readonly medianMs: number;
  readonly minMs: number;
  /** Processes. */
  readonly runs: number;
  readonly checked: boolean;
}

const CASE = "mnist_cnn@1";
/** convlet loads a model, convlet-run (the entry convlet/run) an exported program; tfjs-wasm calls core operations on bare weights. */
const ENGINES = ["convlet", "convlet-run", "tfjs-wasm", "onnxruntime-web"] as const;

/** The programs are bench/rivals/cold/ENGINE.mjs. They get a folder with the model in their format, and print a line of JSON. */
export async function coldStarts(runs: number, log: (line: string) => void): Promise<ColdStart[]> {
  const directory = mkdtempSync(join(tmpdir(), "convlet-rivals-"));
  try {
    const output = await writeModels(directory);
    const results = ENGINES.map((engine) => ({ engine, times: [] as number[], checked: true }));
    log("from import to first prediction");
    // The first process of each finds its files on disk, the others in the system's cache: it is not counted.
    for (let run = -1; run < runs; run++) {
      for (const result of results) {
        const { ms, output: actual } = start(result.engine, directory);
        if (run >= 0) result.times.push(ms);
        if (!(relativeError(actual, output) <= OUTPUT_TOLERANCE)) result.checked = false;
      }
    }
    return results.map(({ engine, times, checked }) => ({ engine, medianMs: median(times), minMs: Math.min(...times), runs, checked }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What the prediction must be. */
async function writeModels(directory: string): Promise<Float32Array> {
  const workload = workloadOf(CASE);
  const { layers, inputShape, input } = workload;
  const write = (name: string, data: Float32Array) =>
    writeFileSync(join(directory, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const model = convletModel(workload, "auto");
  await model.save(join(directory, "convlet.safetensors"));
  writeFileSync(join(directory, "run.safetensors"), exportProgram(model));
  model.dispose();
  writeFileSync(join(directory, "model.onnx"), onnxModel(layers, inputShape));
  const weights = layers.flatMap((layer) => ("weight" in layer ? [layer.weight, layer.bias] : []));
  const all = new Float32Array(weights.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of weights) {
    all.set(array, at);
    at += array.length;
  }
  write("weights.f32", all);
  write("input.nhwc.f32", input);
  write("input.nchw.f32", inputNchw(workload));
  return expected(workload).output;
}

function start(engine: string, directory: string): { ms: number; output: number[] } {
  const program = join(import.meta.dirname, "../../rivals/cold", `${engine}.mjs`);
  // Source maps are for the bench's own errors: Node would read those of every module, 8 ms for this library's.
  const flags = process.execArgv.filter((flag) => flag !== "--enable-source-maps");
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, program, directory], { encoding: "utf8" });
  const line = stdout.trim().split("\n").at(-1);
  if (!line) throw new Error(`${engine} from import to first prediction: ${stderr}`);
  return JSON.parse(line);
}
