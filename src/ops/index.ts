/** The list of ops. One op, one name, in every folder. */
import { type ActivationAttributes, activation } from "./activation.ts";
import { type AffineAttributes, affine } from "./affine.ts";
import { type BatchNormalizationAttributes, batchNormalization } from "./batchNormalization.ts";
import { type BinaryAttributes, binary } from "./binary.ts";
import { concatenate } from "./concatenate.ts";
import { type Conv2dAttributes, conv2d } from "./conv2d.ts";
import { type DropoutAttributes, dropout } from "./dropout.ts";
import type { Op } from "./op.ts";
import { type Pool2dAttributes, pool2d } from "./pool2d.ts";
import { reshape } from "./reshape.ts";
import { softmax } from "./softmax.ts";
import { type ZeroPaddingAttributes, zeroPadding2d } from "./zeroPadding2d.ts";

export interface Attributes {
  activation: ActivationAttributes;
  affine: AffineAttributes;
  batchNormalization: BatchNormalizationAttributes;
  binary: BinaryAttributes;
  concatenate: object;
  conv2d: Conv2dAttributes;
  dropout: DropoutAttributes;
  pool2d: Pool2dAttributes;
  reshape: object;
  softmax: object;
  zeroPadding2d: ZeroPaddingAttributes;
}

export type OpName = keyof Attributes;

export const ops: { readonly [N in OpName]: Op<Attributes[N]> } = {
  activation,
  affine,
  batchNormalization,
  binary,
  concatenate,
  conv2d,
  dropout,
  pool2d,
  reshape,
  softmax,
  zeroPadding2d,
};
