/** The two loops over pixels of batch normalization: what is summed over all of them, then what is written for each. */
import { Tensor } from "./records";
import { Coefficients, Group, rowPtr } from "./channelGroups";
import { f32At, LANES, multiplyAdd, storeUpTo } from "./lanes";
import { touchLines } from "./pages";

/*
 * `other` is a second tensor that is read beside the input; where there is none, it is the input again. A Term makes what is summed of 4 channels:
 * of(deviation, other, at), where deviation is x − shift; touch(from, end) brings the lines of `other` into the cache. A Value makes what is written:
 * of(line, other, factor, to, at), where line is (x − mean) · slope + offset.
 */

/** Adds pixels from one to another, counted over all images, to the float32 sums: of term, and of term · (x − shift); `most` at a time. */
export function sumPixels<Term>(
  input: Tensor, other: Tensor, from: i32, to: i32, groups: usize, first: i32, end: i32, most: i32,
): void {
  while (from < to) {
    const x = from % input.width;
    const pixels = min(to - from, input.width - x);
    sumRun<Term>(input, other, from / input.width, x, pixels, groups, first, end, most);
    from += pixels;
  }
}

/** Pixels of a row, from x on. */
function sumRun<Term>(
  input: Tensor, other: Tensor, row: i32, x: i32, count: i32, groups: usize, first: i32, end: i32, most: i32,
): void {
  const term = changetype<Term>(0);
  const fromStep = <usize>input.pixelStride << 2;
  const otherStep = <usize>other.pixelStride << 2;
  let fromPixel = f32At(rowPtr(input, row), first) + x * fromStep;
  let otherPixel = f32At(rowPtr(other, row), first) + x * otherStep;
  for (let left = count; left > 0; left -= most) {
    const pixels = min(left, most);
    touchLines(fromPixel, f32At(fromPixel + fromStep * (pixels - 1), end - first));
    term.touch(otherPixel, f32At(otherPixel + otherStep * (pixels - 1), end - first));
    let from = fromPixel;
    let at = otherPixel;
    let group = groups;
    let channels = end - first;
    for (; channels > LANES; channels -= 2 * LANES, from += 32, at += 32, group += 2 * Group.bytes) {
      sumPair<Term>(from, fromStep, at, otherStep, group, pixels);
    }
    if (channels > 0) sumQuad<Term>(from, fromStep, at, otherStep, group, pixels);
    fromPixel += fromStep * most;
    otherPixel += otherStep * most;
  }
}

/** 8 channels of some pixels: half a cache line of each. */
// @ts-ignore: decorator
@inline
function sumPair<Term>(from: usize, fromStep: usize, other: usize, otherStep: usize, group: usize, pixels: i32): void {
  const term = changetype<Term>(0);
  const shift0 = v128.load(group, Group.shift);
  const shift1 = v128.load(group, Group.bytes + Group.shift);
  let sum0 = v128.load(group, Group.sum);
  let sum1 = v128.load(group, Group.bytes + Group.sum);
  let products0 = v128.load(group, Group.products);
  let products1 = v128.load(group, Group.bytes + Group.products);
  do {
    const deviation0 = f32x4.sub(v128.load(from), shift0);
    const term0 = term.of(deviation0, other, 0);
    sum0 = f32x4.add(sum0, term0);
    products0 = multiplyAdd(term0, deviation0, products0);
    const deviation1 = f32x4.sub(v128.load(from, 16), shift1);
    const term1 = term.of(deviation1, other, 16);
    sum1 = f32x4.add(sum1, term1);
    products1 = multiplyAdd(term1, deviation1, products1);
    from += fromStep;
    other += otherStep;
  } while (--pixels);
  v128.store(group, sum0, Group.sum);
  v128.store(group, products0, Group.products);
  v128.store(group, sum1, Group.bytes + Group.sum);
  v128.store(group, products1, Group.bytes + Group.products);
}

/** The last 4 channels, or fewer. */
// @ts-ignore: decorator
@inline
function sumQuad<Term>(from: usize, fromStep: usize, other: usize, otherStep: usize, group: usize, pixels: i32): void {
  const term = changetype<Term>(0);
  const shift = v128.load(group, Group.shift);
  let sum = v128.load(group, Group.sum);
  let products = v128.load(group, Group.products);
  do {
    const deviation = f32x4.sub(v128.load(from), shift);
    const term0 = term.of(deviation, other, 0);
    sum = f32x4.add(sum, term0);
    products = multiplyAdd(term0, deviation, products);
    from += fromStep;
    other += otherStep;
  } while (--pixels);
  v128.store(group, sum, Group.sum);
  v128.store(group, products, Group.products);
}

/** A row of the output, counted over all images; `most` pixels at a time. */
export function writeRow<Value>(
  input: Tensor, other: Tensor, output: Tensor, row: i32, groups: usize, first: i32, end: i32, most: i32,
): void {
  const fromStep = <usize>input.pixelStride << 2;
  const otherStep = <usize>other.pixelStride << 2;
  const toStep = <usize>output.pixelStride << 2;
  let fromPixel = f32At(rowPtr(input, row), first);
  let otherPixel = f32At(rowPtr(other, row), first);
  let toPixel = f32At(rowPtr(output, row), first);
  for (let left = input.width; left > 0; left -= most) {
    const pixels = min(left, most);
    let from = fromPixel;
    let at = otherPixel;
    let to = toPixel;
    let coefficients = groups;
    let channels = end - first;
    for (; channels >= 2 * LANES; channels -= 2 * LANES, from += 32, at += 32, to += 32, coefficients += 2 * Coefficients.bytes) {
      writePair<Value>(from, fromStep, at, otherStep, to, toStep, coefficients, pixels);
    }
    for (; channels > 0; channels -= LANES, from += 16, at += 16, to += 16, coefficients += Coefficients.bytes) {
      writeQuad<Value>(from, fromStep, at, otherStep, to, toStep, coefficients, pixels, channels);
    }
    fromPixel += fromStep * most;
    otherPixel += otherStep * most;
    toPixel += toStep * most;
  }
}

/** 8 channels of some pixels. */
// @ts-ignore: decorator
@inline
function writePair<Value>(
  from: usize, fromStep: usize, other: usize, otherStep: usize, to: usize, toStep: usize, coefficients: usize, pixels: i32,
): void {
  const value = changetype<Value>(0);
  const mean0 = v128.load(coefficients, Coefficients.mean);
  const slope0 = v128.load(coefficients, Coefficients.slope);
  const offset0 = v128.load(coefficients, Coefficients.offset);
  const factor0 = v128.load(coefficients, Coefficients.factor);
  const mean1 = v128.load(coefficients, Coefficients.bytes + Coefficients.mean);
  const slope1 = v128.load(coefficients, Coefficients.bytes + Coefficients.slope);
  const offset1 = v128.load(coefficients, Coefficients.bytes + Coefficients.offset);
  const factor1 = v128.load(coefficients, Coefficients.bytes + Coefficients.factor);
  do {
    const line0 = multiplyAdd(f32x4.sub(v128.load(from), mean0), slope0, offset0);
    v128.store(to, value.of(line0, other, factor0, to, 0));
    const line1 = multiplyAdd(f32x4.sub(v128.load(from, 16), mean1), slope1, offset1);
    v128.store(to, value.of(line1, other, factor1, to, 16), 16);
    from += fromStep;
    other += otherStep;
    to += toStep;
  } while (--pixels);
}

/** The last channels of some pixels, 4 at most. */
// @ts-ignore: decorator
@inline
function writeQuad<Value>(
  from: usize, fromStep: usize, other: usize, otherStep: usize, to: usize, toStep: usize, coefficients: usize, pixels: i32, channels: i32,
): void {
  const value = changetype<Value>(0);
  const mean = v128.load(coefficients, Coefficients.mean);
  const slope = v128.load(coefficients, Coefficients.slope);
  const offset = v128.load(coefficients, Coefficients.offset);
  const factor = v128.load(coefficients, Coefficients.factor);
  do {
    const line = multiplyAdd(f32x4.sub(v128.load(from), mean), slope, offset);
    storeUpTo(to, value.of(line, other, factor, to, 0), channels);
    from += fromStep;
    other += otherStep;
    to += toStep;
  } while (--pixels);
}
