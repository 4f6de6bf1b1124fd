/** Max pooling over whole 2 x 2 windows, what most networks have, without loops over the cells: the bits are those of pool2d.ts. */

/** The larger one, NaN if either is. pmax keeps its first operand where a comparison with NaN fails. */
// @ts-ignore: decorator
@inline
export function larger(largest: v128, x: v128): v128 {
  return v128.or(f32x4.pmax(largest, x), f32x4.ne(x, x));
}

/**
 * 4 channels of a window: to ← the largest of 4 pixels. Returns its cell, −1 where it is not above `closed`. Cells are counted in masks,
 * −1 for each: V8 builds an integer constant anew at every use.
 */
// @ts-ignore: decorator
@inline
function maxAndCell(a: v128, b: v128, c: v128, d: v128, closed: v128, to: usize): v128 {
  let cell = f32x4.lt(a, b);
  let largest = larger(a, b);
  let taken = f32x4.lt(largest, c);
  cell = i32x4.min_s(cell, i32x4.add(taken, taken));
  largest = larger(largest, c);
  taken = f32x4.lt(largest, d);
  cell = i32x4.min_s(cell, i32x4.add(i32x4.add(taken, taken), taken));
  largest = larger(largest, d);
  v128.store(to, largest);
  return v128.or(i32x4.abs(cell), f32x4.le(largest, closed));
}

/**
 * `channels`, a multiple of 16; `below` is the address of the second row. closed: NaN where there is no such limit. Cells go out by eights:
 * more of them in one store would be kept back for it by the compiler, and spill. Meanwhile the 4 pixels at `ahead` come into the cache.
 */
// @ts-ignore: decorator
@inline
export function maxAndCells(
  from: usize, below: usize, pixelBytes: usize, to: usize, argmax: usize, channels: i32, closed: v128, ahead: usize,
): void {
  let right = from + pixelBytes;
  let belowRight = below + pixelBytes;
  for (const end = argmax + channels; argmax < end; argmax += 16) {
    load<i32>(ahead);
    load<i32>(ahead, 64);
    let words = i16x8.narrow_i32x4_s(
      maxAndCell(v128.load(from), v128.load(right), v128.load(below), v128.load(belowRight), closed, to),
      maxAndCell(v128.load(from, 16), v128.load(right, 16), v128.load(below, 16), v128.load(belowRight, 16), closed, to + 16),
    );
    v128.store_lane<u64>(argmax, i8x16.narrow_i16x8_s(words, words), 0, 0);
    load<i32>(ahead, 128);
    load<i32>(ahead, 192);
    words = i16x8.narrow_i32x4_s(
      maxAndCell(v128.load(from, 32), v128.load(right, 32), v128.load(below, 32), v128.load(belowRight, 32), closed, to + 32),
      maxAndCell(v128.load(from, 48), v128.load(right, 48), v128.load(below, 48), v128.load(belowRight, 48), closed, to + 48),
    );
    v128.store_lane<u64>(argmax, i8x16.narrow_i16x8_s(words, words), 0, 8);
    from += 64;
    right += 64;
    below += 64;
    belowRight += 64;
    to += 64;
    ahead += 256;
  }
}
