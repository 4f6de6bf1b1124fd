/**
 * The 2-D transforms of one tile, over all its channels: a pass over the columns into `lines`, a pass over the rows out of it.
 * The 36 positions of a tile lie `positionStep` bytes apart: never a multiple of 4 KB, or they would share one set of the cache.
 */
import { LANES, storeUpTo } from "../lanes";
import { Matmul, ZEROS } from "../matmulPlan";
import { inputLine, output1, output2, output3, outputGradLine, outputLine } from "./winogradLines";

/** A row of `lines`: 6 vectors; there are up to 6 rows. */
const LINE_BYTES: i32 = 96;
export const LINES_BYTES: i32 = 576;

/** to [36][channel] ← Bᵀ d B of the 6 x 6 pixels at `from`. */
export function transformInput(from: usize, rowStep: usize, pixelStep: usize, channels: i32, lines: usize, to: usize, positionStep: usize): void {
  for (; channels > 0; channels -= LANES) {
    let at = from;
    for (let line = lines; line < lines + LINE_BYTES; line += 16) {
      inputLine(at, rowStep, line, LINE_BYTES);
      at += pixelStep;
    }
    at = to;
    for (let line = lines; line < lines + 6 * LINE_BYTES; line += LINE_BYTES) {
      inputLine(line, 16, at, positionStep);
      at += 6 * positionStep;
    }
    from += 16;
    to += 16;
  }
}

/** to [36][channel] ← A dy Aᵀ of the 4 x 4 pixels at `from`. */
export function transformOutputGrad(
  from: usize, rowStep: usize, pixelStep: usize, channels: i32, lines: usize, to: usize, positionStep: usize,
): void {
  for (; channels > 0; channels -= LANES) {
    let at = from;
    for (let line = lines; line < lines + 64; line += 16) {
      outputGradLine(at, rowStep, line, LINE_BYTES);
      at += pixelStep;
    }
    at = to;
    for (let line = lines; line < lines + 6 * LINE_BYTES; line += LINE_BYTES) {
      outputGradLine(line, 16, at, positionStep);
      at += 6 * positionStep;
    }
    from += 16;
    to += 16;
  }
}

/**
 * `rows` x `columns` (at most 4 x 4) pixels of the target ← activation(Aᵀ m A + bias [+ addend]) of products [36][channel].
 * target and addend are the addresses of the first pixel's first channel.
 */
export function transformOutput(
  matmul: Matmul, products: usize, positionStep: usize, channels: i32, lines: usize,
  target: usize, addend: usize, bias: usize, rows: i32, columns: i32,
): void {
  const biasStep: usize = bias != 0 ? 16 : 0;
  if (bias == 0) bias = changetype<usize>(matmul) + ZEROS;
  for (; channels > 0; channels -= LANES) {
    let at = products;
    for (let line = lines; line < lines + LINE_BYTES; line += 16) {
      outputLine(at, 6 * positionStep, line, LINE_BYTES);
      at += positionStep;
    }
    let to = target;
    let plus = addend;
    for (let line = lines; line < lines + rows * LINE_BYTES; line += LINE_BYTES) {
      outputRow(matmul, line, to, plus, bias, columns, channels);
      to += matmul.target.rowStep;
      plus += matmul.addend.rowStep;
    }
    products += 16;
    target += 16;
    addend += 16;
    bias += biasStep;
  }
}

/** The second pass of Aᵀ m A: one row of pixels. */
// @ts-ignore: decorator
@inline
function outputRow(matmul: Matmul, line: usize, to: usize, addend: usize, bias: usize, columns: i32, channels: i32): void {
  const m1 = v128.load(line, 16);
  const m2 = v128.load(line, 32);
  const m3 = v128.load(line, 48);
  const m4 = v128.load(line, 64);
  const sumA = f32x4.add(m1, m2);
  const sumB = f32x4.add(m3, m4);
  const differenceA = f32x4.sub(m1, m2);
  const differenceB = f32x4.sub(m3, m4);
  const step = matmul.target.pixelStep;
  const addendStep = matmul.addend.pixelStep;
  finish(matmul, f32x4.add(f32x4.add(v128.load(line), sumA), sumB), to, addend, bias, channels);
  if (columns == 1) return;
  to += step;
  addend += addendStep;
  finish(matmul, output1(differenceA, differenceB), to, addend, bias, channels);
  if (columns == 2) return;
  to += step;
  addend += addendStep;
  finish(matmul, output2(sumA, sumB), to, addend, bias, channels);
  if (columns == 3) return;
  to += step;
  addend += addendStep;
  finish(matmul, output3(differenceA, differenceB, v128.load(line, 80)), to, addend, bias, channels);
}

/** Adds bias and addend, bends and stores. Keeps NaN, as storeTile of matmul.ts does. */
// @ts-ignore: decorator
@inline
function finish(matmul: Matmul, y: v128, to: usize, addend: usize, bias: usize, channels: i32): void {
  const record = changetype<usize>(matmul);
  y = f32x4.add(y, v128.load(bias));
  if (matmul.addend.base != 0) y = f32x4.add(y, v128.load(addend));
  if (matmul.leaky) {
    y = v128.bitselect(f32x4.mul(y, v128.load32_splat(record, offsetof<Matmul>("alpha"))), y, f32x4.lt(y, f32x4.splat(0)));
  }
  y = f32x4.pmax(y, v128.load32_splat(record, offsetof<Matmul>("low")));
  y = f32x4.pmin(y, v128.load32_splat(record, offsetof<Matmul>("high")));
  storeUpTo(to, y, channels);
}

/**
 * patch [size][size][channels rounded up to 4] ← `rows` x `columns` pixels, zero around them: a tile that reaches past the image, whose
 * halo is only as wide as the window needs.
 */
export function copyPatch(
  from: usize, rowStep: i32, pixelStep: i32, channels: i32, rows: i32, columns: i32, size: i32, patch: usize,
): void {
  const step = <usize>((channels + LANES - 1) & -LANES) << 2;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const end = patch + step;
      if (y < rows && x < columns) {
        for (let pixel = from + x * pixelStep; patch < end; patch += 16, pixel += 16) v128.store(patch, v128.load(pixel));
      } else for (; patch < end; patch += 16) v128.store(patch, f32x4.splat(0));
    }
    from += rowStep;
  }
}
