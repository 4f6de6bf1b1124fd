import { checkNumber, checkOptions } from "../options.ts";
import type { Callback, Logs } from "./callbacks.ts";

/** The part of a Node output stream the bar needs. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressBarOptions {
  /** Default: process.stdout where there is one. A terminal gets a line that changes, anything else a line per epoch. */
  readonly stream?: ProgressStream;
  /** Milliseconds between two pictures. Default 100. */
  readonly every?: number;
}

/** What one line of progress shows. */
export interface Progress {
  /** From 0. */
  readonly epoch: number;
  readonly epochs: number;
  readonly stepsDone: number;
  readonly stepsPerEpoch: number | undefined;
  readonly samplesDone: number;
  readonly seconds: number;
  readonly logs: Logs;
}

const BAR_CELLS = 24;
const CLEAR_TO_END = "\x1b[K";

/** Shows epoch, bar, loss, metrics, images per second and the time the epoch still takes. The loss is the mean of the epoch so far. */
export function progressBar(options: ProgressBarOptions = {}): Callback {
  checkOptions("progressBar", options, ["stream", "every"]);
  const every = checkNumber("progressBar", "every", options.every ?? 100, { atLeast: 0 });
  let stream: ProgressStream | undefined;
  let state = { epoch: 0, startedAt: 0, shownAt: 0, stepsDone: 0, samplesDone: 0, lossSum: 0 };
  return {
    onTrainBegin() {
      stream = options.stream ?? standardOutput();
    },
    onEpochBegin(epoch) {
      const now = performance.now();
      state = { epoch, startedAt: now, shownAt: now - every, stepsDone: 0, samplesDone: 0, lossSum: 0 };
    },
    onBatchEnd(step, logs, context) {
      const { size = 1, loss = Number.NaN } = logs;
      state.stepsDone = step + 1;
      state.samplesDone += size;
      state.lossSum += loss * size;
      const now = performance.now();
      if (stream?.isTTY !== true || now - state.shownAt < every) return;
      state.shownAt = now;
      const seconds = (now - state.startedAt) / 1000;
      const { epochs, stepsPerEpoch } = context;
      const { size: _size, ...shown }: Logs = { ...logs, loss: state.lossSum / state.samplesDone };
      const width = widthOf(stream);
      const line = progressLine({ ...state, epochs, stepsPerEpoch, seconds, logs: shown }, width);
      stream.write(`\r${line.slice(0, width)}${CLEAR_TO_END}`);
    },
    onEpochEnd(_epoch, logs, context) {
      const seconds = (performance.now() - state.startedAt) / 1000;
      const line = progressLine({ ...state, epochs: context.epochs, stepsPerEpoch: state.stepsDone, seconds, logs }, widthOf(stream));
      if (stream?.isTTY === true) stream.write(`\r${line}${CLEAR_TO_END}\n`);
      else if (stream !== undefined) stream.write(`${line}\n`);
      else context.log(line);
    },
  };
}

/** One line: `Epoch 3/10  ━━━━━━──────  128/469  loss 0.2143  accuracy 0.9321  2143 images/s  0:12 left`. Its bar is shorter where `width` is. */
export function progressLine({ epoch, epochs, stepsDone, stepsPerEpoch, samplesDone, seconds, logs }: Progress, width = Infinity): string {
  const parts = [stepsPerEpoch === undefined ? `step ${stepsDone}` : `${stepsDone}/${stepsPerEpoch}`];
  for (const [name, value] of Object.entries(logs)) parts.push(`${name} ${figure(value)}`);
  if (seconds > 0) parts.push(`${Math.round(samplesDone / seconds)} images/s`);
  if (stepsPerEpoch === stepsDone) parts.push(clock(seconds));
  else if (stepsPerEpoch !== undefined && stepsDone > 0) parts.push(`${clock((seconds / stepsDone) * (stepsPerEpoch - stepsDone))} left`);
  const start = `Epoch ${epoch + 1}/${epochs}`;
  const cells = Math.min(BAR_CELLS, width - [start, "", ...parts].join("  ").length);
  if (stepsPerEpoch !== undefined && cells > 0) parts.unshift(bar(stepsDone / stepsPerEpoch, cells));
  return [start, ...parts].join("  ");
}

function bar(done: number, cells: number): string {
  const full = Math.floor(Math.min(Math.max(done, 0), 1) * cells);
  return "━".repeat(full) + "─".repeat(cells - full);
}

/** Columns of a terminal, less the one behind which some go on to the next line; elsewhere lines have no end. */
function widthOf(stream: ProgressStream | undefined): number {
  return stream?.isTTY === true ? (stream.columns ?? 80) - 1 : Infinity;
}

function figure(value: number): string {
  const size = Math.abs(value);
  return Number.isFinite(value) && value !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(3) : value.toFixed(4);
}

/** 0:07, 12:34 or 1:02:03. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Found by name at run time: a page has no process. */
function standardOutput(): ProgressStream | undefined {
  return (globalThis as { process?: { stdout?: ProgressStream } }).process?.stdout;
}
