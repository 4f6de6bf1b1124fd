/** What happens between the steps of a training. Options and rules are Keras 3's. */
import { checkFlag, checkNumber, checkOptions, type Named, revived, shown } from "../options.ts";
import { type MonitorMode, monitored, watcher } from "./monitor.ts";

/** Figures by name: loss, each metric, and with valLoss, valAccuracy … those of the validation. */
export type Logs = Readonly<Record<string, number>>;

/** What callbacks may see and do. */
export interface TrainingContext {
  readonly epochs: number;
  /** Undefined where the data has no known end. */
  readonly stepsPerEpoch: number | undefined;
  /** Ends the training after the current step. */
  stopTraining(): void;
  /** Setting it throws where a schedule decides. */
  learningRate: number;
  copyWeights(): Float32Array[];
  restoreWeights(weights: readonly Float32Array[]): void;
  save(path: string): Promise<void>;
  log(line: string): void;
}

/** Any of these; each is waited for. Epochs count from 0, and so do steps, in every epoch anew. */
export interface Callback {
  /** For callbacks of the library: what a worker makes the same again from. */
  readonly made?: Named;
  onTrainBegin?(context: TrainingContext): void | Promise<void>;
  onEpochBegin?(epoch: number, context: TrainingContext): void | Promise<void>;
  /** logs: loss and size (samples) of this batch, and the metrics of the epoch so far. */
  onBatchEnd?(step: number, logs: Logs, context: TrainingContext): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs, context: TrainingContext): void | Promise<void>;
  onTrainEnd?(context: TrainingContext): void | Promise<void>;
}

export interface MonitorOptions {
  /** The figure to watch. Default "valLoss". */
  readonly monitor?: string;
  /** Which way is better. Default "auto": "max" for names with accuracy, precision or recall, "min" for others. */
  readonly mode?: MonitorMode;
}

export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before it stops. Default 0. */
  readonly patience?: number;
  /** What counts as improvement, in the figure's unit. Default 0. */
  readonly minDelta?: number;
  /** The figure must get better than this for the patience to start anew. */
  readonly baseline?: number;
  /** Whether the training ends with the weights of its best epoch. Default false. */
  readonly restoreBestWeights?: boolean;
  /** The first epoch, from 0, that counts. Default 0. */
  readonly startFromEpoch?: number;
}

/** Stops a training that does not get better. NaN is never better. */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const where = "earlyStopping";
  checkOptions(where, options, ["monitor", "mode", "patience", "minDelta", "baseline", "restoreBestWeights", "startFromEpoch"]);
  const { monitor = "valLoss", patience = 0, minDelta = 0, baseline, restoreBestWeights = false, startFromEpoch = 0 } = options;
  checkNumber(where, "patience", patience, { whole: true, atLeast: 0 });
  checkNumber(where, "startFromEpoch", startFromEpoch, { whole: true, atLeast: 0 });
  if (baseline !== undefined) checkNumber(where, "baseline", baseline);
  checkFlag(where, "restoreBestWeights", restoreBestWeights);
  const isBetter = watcher(where, { monitor, mode: options.mode, minDelta });
  let wait = 0;
  let best: number | undefined;
  let bestWeights: Float32Array[] | undefined;
  return {
    made: { name: where, config: options },
    onTrainBegin() {
      wait = 0;
      best = undefined;
      bestWeights = undefined;
    },
    onEpochEnd(epoch, logs, context) {
      const current = monitored(where, monitor, logs);
      if (epoch < startFromEpoch) return;
      wait++;
      if (isBetter(current, best)) {
        best = current;
        if (restoreBestWeights) bestWeights = context.copyWeights();
        if (isBetter(current, baseline)) wait = 0;
      } else if (wait >= patience) {
        context.log(`epoch ${epoch + 1}: ${monitor} got no better (patience ${patience}); training stops`);
        context.stopTraining();
      }
    },
    onTrainEnd(context) {
      if (bestWeights !== undefined) context.restoreWeights(bestWeights);
      bestWeights = undefined;
    },
  };
}

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the rate is multiplied with. Default 0.1. */
  readonly factor?: number;
  /** Epochs without improvement before it falls. Default 10. */
  readonly patience?: number;
  /** What counts as improvement, in the figure's unit. Default 0.0001. */
  readonly minDelta?: number;
  /** Epochs after a fall that do not count. Default 0. */
  readonly cooldown?: number;
  /** The rate falls no further. Default 0. */
  readonly minLR?: number;
}

/** Lowers the learning rate of a training that does not get better. Needs a rate that is a number, not a schedule. */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const where = "reduceLROnPlateau";
  checkOptions(where, options, ["monitor", "mode", "factor", "patience", "minDelta", "cooldown", "minLR"]);
  const { monitor = "valLoss", factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLR = 0 } = options;
  checkNumber(where, "factor", factor, { above: 0, below: 1 });
  checkNumber(where, "patience", patience, { whole: true, atLeast: 0 });
  checkNumber(where, "cooldown", cooldown, { whole: true, atLeast: 0 });
  checkNumber(where, "minLR", minLR, { atLeast: 0 });
  const isBetter = watcher(where, { monitor, mode: options.mode, minDelta });
  let wait = 0;
  let cooling = 0;
  let best: number | undefined;
  return {
    made: { name: where, config: options },
    onTrainBegin() {
      wait = 0;
      cooling = 0;
      best = undefined;
    },
    onEpochEnd(epoch, logs, context) {
      const current = monitored(where, monitor, logs);
      if (cooling > 0) {
        cooling--;
        wait = 0;
      }
      if (isBetter(current, best)) {
        best = current;
        wait = 0;
      } else if (cooling === 0 && ++wait >= patience && context.learningRate > minLR) {
        context.learningRate = Math.max(context.learningRate * factor, minLR);
        context.log(`epoch ${epoch + 1}: ${monitor} is on a plateau; learning rate is now ${Number(context.learningRate.toPrecision(6))}`);
        cooling = cooldown;
        wait = 0;
      }
    },
  };
}

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Default false: saves after every epoch; true: only after the best so far. */
  readonly saveBestOnly?: boolean;
}

/**
 * Saves the model after epochs. {epoch} in the path becomes the epoch, counted from 1, and {valLoss} or any other figure its value;
 * {epoch:03} has at least 3 digits, {valLoss:.4} has 4 behind the point. Without placeholders the file is replaced.
 */
export function modelCheckpoint(path: string, options: ModelCheckpointOptions = {}): Callback {
  const where = "modelCheckpoint";
  if (typeof path !== "string" || path === "") throw new TypeError(`${where}: path is ${shown(path)}, needs a file name`);
  checkOptions(where, options, ["monitor", "mode", "saveBestOnly"]);
  const { monitor = "valLoss", saveBestOnly = false } = options;
  checkFlag(where, "saveBestOnly", saveBestOnly);
  const isBetter = watcher(where, { monitor, mode: options.mode, minDelta: 0 });
  let best: number | undefined;
  return {
    made: { name: where, config: { path, ...options } },
    onTrainBegin() {
      best = undefined;
    },
    async onEpochEnd(epoch, logs, context) {
      if (saveBestOnly) {
        const current = monitored(where, monitor, logs);
        if (!isBetter(current, best)) return;
        best = current;
      }
      await context.save(filledPath(path, { epoch: epoch + 1, ...logs }));
    },
  };
}

/** Stops at the first batch whose loss is NaN or infinite, and says which. */
export function terminateOnNaN(): Callback {
  let epoch = 0;
  return {
    made: { name: "terminateOnNaN" },
    onEpochBegin(current) {
      epoch = current;
    },
    onBatchEnd(step, { loss }, context) {
      if (loss === undefined || Number.isFinite(loss)) return;
      context.log(`epoch ${epoch + 1}, step ${step + 1}: the loss is ${loss}; training stops`);
      context.stopTraining();
    },
  };
}

const factories: Record<string, (config?: object) => Callback> = {
  earlyStopping,
  reduceLROnPlateau,
  modelCheckpoint: ({ path, ...options }: ModelCheckpointOptions & { path?: string } = {}) => modelCheckpoint(path!, options),
  terminateOnNaN,
};

/** One of the callbacks above from what it was made of. */
export function callback(made: Named): Callback {
  return revived("callback", factories, made);
}

function filledPath(path: string, values: Logs): string {
  return path.replaceAll(/\{(\w+)(?::(?:0(\d+)d?|\.(\d+)f?))?\}/g, (_placeholder, name: string, digits?: string, decimals?: string) => {
    const value = monitored("modelCheckpoint", name, values);
    if (decimals !== undefined) return value.toFixed(Math.min(Number(decimals), 20));
    return String(value).padStart(Number(digits ?? 0), "0");
  });
}
