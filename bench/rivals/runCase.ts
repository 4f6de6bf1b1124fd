/** One case: every engine prepared in its own process, its numbers compared, then all timed in turns. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Row, relativeError, runtimeName } from "../report.ts";
import { type Expected, expected, LOSS_TOLERANCE, OUTPUT_TOLERANCE, STEP_TOLERANCE } from "./check.ts";
import { type Contender, hasAdam, titleOf, Unsupported } from "./engine.ts";
import { alternate, type Limits, type Timed, timing, warmUp } from "./measure.ts";
import { PYTHON, pytorch, writeForPytorch } from "./pytorch.ts";
import { type Sample, WorkerProcess } from "./workerProcess.ts";
import { type Workload, workloadOf } from "./workload.ts";

export interface RivalRow extends Row {
  readonly kind: Contender["kind"];
  /** What was compared with bench/js. */
  readonly check: string;
  /** Samples. */
  readonly runs: number;
  /** CPU time of all threads over wall time, in the samples. */
  readonly cpu: number;
}

export interface CaseResult {
  readonly rows: readonly RivalRow[];
  /** One line each. */
  readonly notRun: readonly string[];
  /** What makes the bench fail. */
  readonly problems: readonly string[];
}

/** A second step of training is made for the check unless the first took longer. */
const LONGEST_STEP_MS = 60_000;
/** Of one thread: the rest of its process (garbage collection, compilation) may take part of a second. */
const ONE_THREAD_CPU = 1.3;
/** FLOP per millisecond → GFLOP/s. */
const GFLOP_PER_S = 1e-6;

interface Checked {
  readonly checked: boolean;
  readonly check: string;
  readonly samples: readonly Sample[];
}

export async function runCase(name: string, contenders: readonly Contender[], limits: Limits, log: (line: string) => void): Promise<CaseResult> {
  const notRun: string[] = [];
  const problems: string[] = [];
  const running: { contender: Contender; timed: Timed; checked: Checked }[] = [];
  const workload = workloadOf(name);
  const reference = expected(workload);
  const directory = mkdtempSync(join(tmpdir(), "convlet-rivals-"));
  const workers: WorkerProcess[] = [];
  log(name);
  try {
    for (const contender of contenders) {
      const title = titleOf(contender);
      try {
        const worker = start(contender, workload, directory);
        workers.push(worker);
        const checked = await check(worker, workload, reference, directory);
        log(`  ${title}: ${checked.check}${checked.checked ? "" : ": WRONG"}`);
        if (!checked.checked) problems.push(`${name} ${title}: ${checked.check}`);
        running.push({ contender, checked, timed: await warmUp(worker, checked.samples, limits) });
      } catch (reason) {
        const { message } = reason as Error;
        notRun.push(`${name} ${title}: ${message.split("\n")[0].slice(0, 200)}`);
        log(`  ${title}: not run: ${message}`);
        if (!(reason instanceof Unsupported) && contender.kind === "convlet") problems.push(`${name} ${title}: ${message}`);
      }
    }
    await alternate(
      running.map(({ timed }) => timed),
      limits,
    );
  } finally {
    for (const worker of workers) worker.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  const rows = running.map(({ contender, timed, checked }) => rowOf(workload, contender, timed, checked));
  for (const { engine, threads, cpu } of rows) {
    if (threads === 1 && cpu > ONE_THREAD_CPU) problems.push(`${name} ${engine}: ${cpu.toFixed(2)} threads busy, one is asked for`);
  }
  return { rows, notRun, problems };
}

function start(contender: Contender, workload: Workload, directory: string): WorkerProcess {
  if (contender.engine !== "pytorch") {
    return new WorkerProcess(contender, [process.execPath, ...process.execArgv, join(import.meta.dirname, "worker.mjs")]);
  }
  const torch = pytorch();
  if ("missing" in torch) throw new Unsupported(torch.missing);
  writeForPytorch(workload, directory);
  return new WorkerProcess(contender, [PYTHON, join(import.meta.dirname, "../../rivals/pytorch.py")]);
}

async function check(worker: WorkerProcess, workload: Workload, { output, losses }: Expected, directory: string): Promise<Checked> {
  const hasLogits = await worker.prepare(workload.name, directory);
  const outputError = async () => {
    const file = join(directory, "output.f32");
    await worker.writeOutput(file);
    const { buffer } = Uint8Array.from(readFileSync(file));
    return relativeError(new Float32Array(buffer), output);
  };
  if (losses === undefined) {
    const samples = [await worker.sample(1)];
    const error = await outputError();
    return { checked: error <= OUTPUT_TOLERANCE, check: `output ${error.toExponential(0)}`, samples };
  }
  const logitsError = hasLogits ? await outputError() : undefined;
  const samples = [await worker.sample(1)];
  if (hasAdam(worker.contender) && samples[0].ms < LONGEST_STEP_MS) samples.push(await worker.sample(1));
  const [first, second] = samples.map(({ loss }, index) => Math.abs(loss! - losses[index]) / losses[index]);
  const parts = [`loss ${first.toExponential(0)}`];
  if (second !== undefined) parts.push(`loss after a step ${second.toExponential(0)}`);
  if (logitsError !== undefined) parts.unshift(`logits ${logitsError.toExponential(0)}`);
  const equal = first <= LOSS_TOLERANCE && (second ?? 0) <= STEP_TOLERANCE && (logitsError ?? 0) <= OUTPUT_TOLERANCE;
  return { checked: equal, check: parts.join(", "), samples };
}

function rowOf(workload: Workload, { engine, numerics, threads, kind }: Contender, timed: Timed, { checked, check }: Checked): RivalRow {
  const { medianMs, minMs, runs, cpu } = timing(timed);
  const { case: benchCase, name, batch } = workload;
  const isConv = benchCase.kind === "conv";
  const rate = isConv ? (benchCase.flop / medianMs) * GFLOP_PER_S : (batch / medianMs) * 1000;
  const suite = isConv ? "kernels" : benchCase.mode === "train" ? "training" : "inference";
  const torch = engine === "pytorch" ? pytorch() : undefined;
  const runtime = torch !== undefined && "version" in torch ? `PyTorch ${torch.version}, ${torch.blas}` : runtimeName();
  const row = { suite, case: name, engine, numerics, threads, runtime, medianMs, minMs, rate, unit: isConv ? "GFLOP/s" : "images/s", checked };
  return { ...row, kind, check, runs, cpu };
}
