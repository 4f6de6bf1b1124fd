/** Contiguous runs of elements: how a tensor falls into them, how threads share them, how they end. */
import { RunHeader, RUN_HEADER, Tensor } from "./records";
import { f32At, LANES } from "./lanes";
import { firstOf } from "./share";

/** Whether the pixels of a row lie one behind the other. */
// @ts-ignore: decorator
@inline
export function rowsAreRuns(tensor: Tensor): bool {
  return tensor.pixelStride == tensor.channels;
}

/** Whether all images are one run. */
// @ts-ignore: decorator
@inline
export function isOneRun(tensor: Tensor): bool {
  const row = tensor.width * tensor.channels;
  return rowsAreRuns(tensor) && tensor.rowStride == row && tensor.imageStride == tensor.height * row;
}

/** First of `count` elements that belongs to `thread`; a multiple of 16, so that no two threads write one cache line's lanes. */
export function chunkStart(count: i32, thread: i32, threads: i32): i32 {
  if (thread == threads) return count;
  return <i32>((<i64>count * thread) / threads) & ~15;
}

/**
 * Calls `run(record, aPtr, bPtr, cPtr, element, count)` of Body for the longest runs that are contiguous in a, b and c, three
 * tensors of equal size (an operand may be given twice). element is the logical index of the run's first element.
 */
export function eachRun<Body>(record: usize, a: Tensor, b: Tensor, c: Tensor, thread: i32, threads: i32): void {
  const body = changetype<Body>(0);
  const rows = changetype<RunHeader>(RUN_HEADER).batch * a.height;
  const rowElements = a.width * a.channels;
  if (isOneRun(a) && isOneRun(b) && isOneRun(c)) {
    const first = chunkStart(rows * rowElements, thread, threads);
    const count = chunkStart(rows * rowElements, thread + 1, threads) - first;
    body.run(record, f32At(a.base, first), f32At(b.base, first), f32At(c.base, first), first, count);
    return;
  }
  const whole = rowsAreRuns(a) && rowsAreRuns(b) && rowsAreRuns(c);
  const count = whole ? rowElements : a.channels;
  const runs = whole ? 1 : a.width;
  const end = firstOf(rows, thread + 1, threads);
  for (let row = firstOf(rows, thread, threads); row < end; row++) {
    const image = row / a.height;
    const y = row - image * a.height;
    let aPtr = f32At(a.base, image * a.imageStride + y * a.rowStride);
    let bPtr = f32At(b.base, image * b.imageStride + y * b.rowStride);
    let cPtr = f32At(c.base, image * c.imageStride + y * c.rowStride);
    for (let i = 0; i < runs; i++) {
      body.run(record, aPtr, bPtr, cPtr, row * rowElements + i * count, count);
      aPtr = f32At(aPtr, a.pixelStride);
      bPtr = f32At(bPtr, b.pixelStride);
      cPtr = f32At(cPtr, c.pixelStride);
    }
  }
}

/** All ones in the first `left` lanes, zero in the others. */
// @ts-ignore: decorator
@inline
export function lanesBelow(left: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(left));
}

/** v, with zero in the lanes past the last of `left` elements: what is read past a run must not reach a sum. */
// @ts-ignore: decorator
@inline
export function ownLanes(left: i32, v: v128): v128 {
  return left >= LANES ? v : v128.and(v, lanesBelow(left));
}
