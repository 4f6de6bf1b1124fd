/** The loops under the metrics. A row is `classes` predictions and its target: one label, or as many values. NaN is never a hit. */
import type { Typed } from "./data.ts";
import type { Metric } from "./metrics.ts";

/** A figure of one row. */
export type RowScore = (prediction: Float32Array, target: Float32Array, row: number, classes: number) => number;
/** Whether a cell counts as 1: prediction or target, the row, the cell's index, the width. */
export type RowTest = (values: Float32Array, row: number, index: number, classes: number) => boolean;
/** The class of a row, −1 where it has none. */
export type RowClass = (values: Float32Array, row: number, classes: number) => number;

/** Index of the highest value of a row, the first of equals; −1 where one is NaN. */
export const highest = (values: Typed, row: number, classes: number): number => {
  let best = 0;
  for (let at = 0; at < classes; at++) {
    const value = values[row * classes + at]!;
    if (Number.isNaN(value)) return -1;
    if (value > values[row * classes + best]!) best = at;
  }
  return best;
};

/** 1 where fewer than k values lie above that of class `right`, and none is NaN. */
function isAmongHighest(k: number, right: number, prediction: Float32Array, row: number, classes: number): number {
  if (right < 0 || right >= classes) return 0;
  const reached = prediction[row * classes + right]!;
  let above = 0;
  for (let at = row * classes; at < (row + 1) * classes; at++) {
    if (Number.isNaN(prediction[at]!)) return 0;
    if (prediction[at]! > reached) above++;
  }
  return above < k ? 1 : 0;
}

const sparseHit: RowScore = (prediction, target, row, classes) => (highest(prediction, row, classes) === target[row] ? 1 : 0);

const hit: RowScore = (prediction, target, row, classes) => {
  const predicted = highest(prediction, row, classes);
  return predicted >= 0 && predicted === highest(target, row, classes) ? 1 : 0;
};

const squaredError: RowScore = (prediction, target, row, classes) => {
  let sum = 0;
  for (let at = row * classes; at < (row + 1) * classes; at++) {
    const error = prediction[at]! - target[at]!;
    sum += error * error;
  }
  return sum / classes;
};

const absoluteError: RowScore = (prediction, target, row, classes) => {
  let sum = 0;
  for (let at = row * classes; at < (row + 1) * classes; at++) sum += Math.abs(prediction[at]! - target[at]!);
  return sum / classes;
};

/** Part of a row's cells where prediction and target are on the same side. */
function sides(threshold: number): RowScore {
  return (prediction, target, row, classes) => {
    let hits = 0;
    for (let at = row * classes; at < (row + 1) * classes; at++) {
      const value = prediction[at]!;
      if (!Number.isNaN(value) && (value > threshold ? 1 : 0) === target[at]) hits++;
    }
    return hits / classes;
  };
}

/** Class 0 or 1 of a single output. */
function sideOf(threshold: number): RowClass {
  return (values, row) => {
    const value = values[row]!;
    if (Number.isNaN(value)) return -1;
    return value > threshold ? 1 : 0;
  };
}

export const scores = {
  sparseHit,
  hit,
  squaredError,
  absoluteError,
  sides,
  sideOf,
  topK: (k: number): RowScore => {
    return (prediction, target, row, classes) => isAmongHighest(k, highest(target, row, classes), prediction, row, classes);
  },
  sparseTopK: (k: number): RowScore => {
    return (prediction, target, row, classes) => isAmongHighest(k, target[row]!, prediction, row, classes);
  },
  above: (threshold: number): RowTest => {
    return (values, _row, index) => values[index]! > threshold;
  },
  isHighest: (classId: number): RowTest => {
    return (values, row, _index, classes) => highest(values, row, classes) === classId;
  },
  classAbove: (classId: number, threshold: number): RowTest => {
    return (values, row, _index, classes) => values[row * classes + classId]! > threshold;
  },
  isLabel: (classId: number): RowTest => {
    return (values, row) => values[row] === classId;
  },
};

/** The class a target stands for. */
export function targetClass(kind: "labels" | "same" | "binary"): RowClass {
  if (kind === "same") return highest;
  if (kind === "labels") return (values, row) => values[row]!;
  return (values, row) => (values[row]! > 0.5 ? 1 : 0);
}

/** The weighted mean of a score over the rows. A row of weight 0 counts for nothing, not even its NaN. */
export function rowMean(name: string, score: RowScore): Metric {
  let total = 0;
  let weights = 0;
  return {
    name,
    reset() {
      total = 0;
      weights = 0;
    },
    update(prediction, target, sampleWeight, batch, classes) {
      for (let row = 0; row < batch; row++) {
        const weight = sampleWeight === null ? 1 : sampleWeight[row]!;
        if (weight === 0) continue;
        total += weight * score(prediction, target, row, classes);
        weights += weight;
      }
    },
    result: () => (weights === 0 ? 0 : total / weights),
  };
}

/** Hits among the cells that are positive in prediction (precision) or target (recall). */
export function positiveCounts(
  name: string,
  among: "predicted" | "actual",
  { predicted, actual, perRow }: { readonly predicted: RowTest; readonly actual: RowTest; readonly perRow: boolean },
): Metric {
  let hits = 0;
  let positives = 0;
  return {
    name,
    reset() {
      hits = 0;
      positives = 0;
    },
    update(prediction, target, sampleWeight, batch, classes) {
      const cells = perRow ? 1 : classes;
      for (let row = 0; row < batch; row++) {
        const weight = sampleWeight === null ? 1 : sampleWeight[row]!;
        for (let index = row * cells; index < (row + 1) * cells; index++) {
          const isPredicted = predicted(prediction, row, index, classes);
          const isActual = actual(target, row, index, classes);
          if (among === "predicted" ? isPredicted : isActual) positives += weight;
          if (isPredicted && isActual) hits += weight;
        }
      }
    },
    result: () => (positives === 0 ? 0 : hits / positives),
  };
}

/** Weights by [actual][predicted] class. */
export function confusionCounts(
  name: string,
  classes: number,
  { predicted, actual }: { readonly predicted: RowClass; readonly actual: RowClass },
): Metric {
  const cells = new Float64Array(classes * classes);
  return {
    name,
    reset: () => void cells.fill(0),
    update(prediction, target, sampleWeight, batch, width) {
      for (let row = 0; row < batch; row++) {
        const from = actual(target, row, width);
        const to = predicted(prediction, row, width);
        if (from >= 0 && to >= 0) cells[from * classes + to]! += sampleWeight === null ? 1 : sampleWeight[row]!;
      }
    },
    result: () => Array.from({ length: classes }, (_, row) => [...cells.subarray(row * classes, (row + 1) * classes)]),
  };
}
