/** The net that tells O from X on 6x6: conv 3x3x1 relu, max pool, dense 1 relu, dense 2, softmax. Too small for any packing. */
import { softmaxOutput } from "./softmax.ts";

export interface OxWeights {
  /** [3, 3, 1, 1] */
  readonly convWeight: Float32Array;
  readonly convBias: Float32Array;
  /** [4, 1], flattened as y, x */
  readonly dense1Weight: Float32Array;
  readonly dense1Bias: Float32Array;
  /** [1, 2] */
  readonly dense2Weight: Float32Array;
  readonly dense2Bias: Float32Array;
}

export class Ox {
  private readonly conv = new Float32Array(16);
  private readonly logits = new Float32Array(2);
  private readonly probabilities = new Float32Array(2);

  constructor(readonly weights: OxWeights) {}

  /** image [6, 6] → probabilities [2], a view that the next call overwrites. */
  predict(image: Float32Array): Float32Array {
    const { conv, logits, probabilities, weights: w } = this;
    const cell = w.convWeight;
    for (let outY = 0; outY < 4; outY++) {
      for (let outX = 0; outX < 4; outX++) {
        const top = 6 * outY + outX;
        let sum = w.convBias[0] + image[top] * cell[0] + image[top + 1] * cell[1] + image[top + 2] * cell[2];
        sum += image[top + 6] * cell[3] + image[top + 7] * cell[4] + image[top + 8] * cell[5];
        sum += image[top + 12] * cell[6] + image[top + 13] * cell[7] + image[top + 14] * cell[8];
        conv[4 * outY + outX] = sum;
      }
    }
    // relu commutes with the maximum: four comparisons with 0 instead of sixteen.
    let hidden = w.dense1Bias[0];
    for (let pooled = 0; pooled < 4; pooled++) {
      const at = 8 * (pooled >> 1) + 2 * (pooled & 1);
      hidden += w.dense1Weight[pooled] * Math.max(0, conv[at], conv[at + 1], conv[at + 4], conv[at + 5]);
    }
    hidden = Math.max(0, hidden);
    logits[0] = hidden * w.dense2Weight[0] + w.dense2Bias[0];
    logits[1] = hidden * w.dense2Weight[1] + w.dense2Bias[1];
    softmaxOutput(logits, probabilities, 2, 1);
    return probabilities;
  }
}
