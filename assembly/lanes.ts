/** The lane idioms every kernel shares. */
import { CONSTANTS } from "./records";

export const LANES: i32 = 4;

// @ts-ignore: decorator
@inline
export function f32At(ptr: usize, index: i32): usize {
  return ptr + (<usize>index << 2);
}

/** sum + a · b, fused. For the strict kernels unpack.ts puts a product and a sum here, each rounded; bench/ compiles its strict loops so. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, sum);
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** sum − a · b, likewise. */
// @ts-ignore: decorator
@inline
export function multiplySubtract(a: v128, b: v128, sum: v128): v128 {
  return f32x4.relaxed_nmadd(a, b, sum);
}

/** Whether they round once: (1 + ε)(1 − ε) − 1 is −ε² then, and 0 where the product is rounded by itself. */
export const FUSES: bool = v128.any_true(multiplyAdd(f32x4.splat(1.0001220703125), f32x4.splat(0.9998779296875), f32x4.splat(-1)));

/**
 * Stores the first `count` lanes; all of them when count is 4 or more. An array ends with the same vector arithmetic as its body and this
 * store, so that an element's bits do not depend on its place.
 */
// @ts-ignore: decorator
@inline
export function storeUpTo(ptr: usize, v: v128, count: i32): void {
  if (count >= LANES) v128.store(ptr, v, 0);
  else storeHead(ptr, v, count);
}

function storeHead(ptr: usize, v: v128, count: i32): void {
  if ((count & 2) == 0) return v128.store_lane<u32>(ptr, v, 0, 0);
  v128.store_lane<u64>(ptr, v, 0, 0);
  if ((count & 1) != 0) v128.store_lane<u32>(ptr, v, 2, 8);
}

/** (lane 0 + lane 1) + (lane 2 + lane 3): the one order in which lanes are summed. */
// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Places of the constants below, one f32 each from CONSTANTS on. */
export enum Constant {
  half,
  quarter,
  one,
  six,
  two,
  three,
  minusThree,
  sixth,
  infinity,
  log2E,
  roundingBias,
  minusLn2High,
  minusLn2Low,
  expLow,
  expHigh,
  expm1Low,
  expm1C2,
  expm1C3,
  expm1C4,
  expm1C5,
  expm1C6,
  squareRootOfHalf,
  atanhC3,
  atanhC5,
  atanhC7,
  atanhC9,
  tailStretch,
  tailC0,
  tailC1,
  tailC2,
  tailC3,
  tailC4,
  tailC5,
  tailC6,
  tailC7,
  tailC8,
  inverseRootOf2Pi,
  seluScale,
  seluScaleAlpha,
  probabilityLow,
  probabilityHigh,
  twoAndHalf,
  eight,
  third,
  rootOf2,
  quarterOfRootOf2,
  thirdOfRootOf2,
  sixthOfRootOf2,
}

/** Fills the constant table. The host calls it once per instance, before the first run; every instance writes the same. */
export function writeConstants(): void {
  storeConstant(Constant.half, 0.5);
  storeConstant(Constant.quarter, 0.25);
  storeConstant(Constant.one, 1);
  storeConstant(Constant.six, 6);
  storeConstant(Constant.two, 2);
  storeConstant(Constant.three, 3);
  storeConstant(Constant.minusThree, -3);
  storeConstant(Constant.sixth, 0.1666666716337204);
  storeConstant(Constant.infinity, Infinity);
  storeConstant(Constant.log2E, 1.4426950216293335);
  storeConstant(Constant.roundingBias, 12582912);
  storeConstant(Constant.minusLn2High, -0.693145751953125);
  storeConstant(Constant.minusLn2Low, -1.428606765330187e-6);
  storeConstant(Constant.expLow, -104);
  storeConstant(Constant.expHigh, 89);
  storeConstant(Constant.expm1Low, -17.32868);
  storeConstant(Constant.expm1C2, 0.5);
  storeConstant(Constant.expm1C3, 0.16666537523269653);
  storeConstant(Constant.expm1C4, 0.041666265577077866);
  storeConstant(Constant.expm1C5, 0.008367235772311687);
  storeConstant(Constant.expm1C6, 0.0013947554398328066);
  storeConstant(Constant.squareRootOfHalf, 0.7071067690849304);
  storeConstant(Constant.atanhC3, 0.6666653156280518);
  storeConstant(Constant.atanhC5, 0.4001610577106476);
  storeConstant(Constant.atanhC7, 0.2807946801185608);
  storeConstant(Constant.atanhC9, 0.27668339014053345);
  storeConstant(Constant.tailStretch, 0.27000001072883606);
  storeConstant(Constant.tailC0, 0.10772065818309784);
  storeConstant(Constant.tailC1, 0.10754287242889404);
  storeConstant(Constant.tailC2, 0.10181061923503876);
  storeConstant(Constant.tailC3, 0.0720495730638504);
  storeConstant(Constant.tailC4, 0.10782567411661148);
  storeConstant(Constant.tailC5, -0.06921077519655228);
  storeConstant(Constant.tailC6, 0.16978611052036285);
  storeConstant(Constant.tailC7, -0.12648582458496094);
  storeConstant(Constant.tailC8, 0.02896108664572239);
  storeConstant(Constant.inverseRootOf2Pi, 0.3989422917366028);
  storeConstant(Constant.seluScale, 1.0507010221481323);
  storeConstant(Constant.seluScaleAlpha, 1.7580993175506592);
  storeConstant(Constant.probabilityLow, 1e-7);
  storeConstant(Constant.probabilityHigh, 0.9999999);
  storeConstant(Constant.twoAndHalf, 2.5);
  storeConstant(Constant.eight, 8);
  storeConstant(Constant.third, 0.3333333432674408);
  storeConstant(Constant.rootOf2, 1.4142135381698608);
  storeConstant(Constant.quarterOfRootOf2, 0.3535533845424652);
  storeConstant(Constant.thirdOfRootOf2, 0.4714045226573944);
  storeConstant(Constant.sixthOfRootOf2, 0.2357022613286972);
}

function storeConstant(constant: Constant, value: f32): void {
  store<f32>(f32At(CONSTANTS, constant), value);
}

/** A constant in all lanes, from memory: V8 ≥ 13 rebuilds f32x4.splat(literal) at every use (42 → 11 GFLOP/s). */
// @ts-ignore: decorator
@inline
export function constant(constant: Constant): v128 {
  return v128.load32_splat(f32At(CONSTANTS, constant));
}
