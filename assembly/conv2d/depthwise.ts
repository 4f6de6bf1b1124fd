/** Depthwise convolutions: every channel with its own window, or with several. Threads share the rows of the output. */
import { depthwiseSpan, depthwiseTile } from "../../build/assembly/tiles";
import { LANES } from "../lanes";
import { Matmul, TABLES, TILE_COLUMNS, TILE_ROWS, ZEROS } from "../matmulPlan";
import { MAX_ROWS, RowView, TABLE_BYTES, fillPointers } from "../rowView";
import { firstOf } from "../share";

/** Bytes from pixel to pixel, or a multiple, with which a span's lines meet in so few sets of a first-level cache that they drive each other out. */
const CROWDED: i32 = 1024;

/**
 * `panel` is weight [tap][channel], not packed: the steps between segments lead from tap to tap (backwards for the input gradient).
 * Windows 3 or 5 wide whose taps are neighbours go by spans of a row; others, maps of which spans would compute more than a quarter
 * twice (anything at stride 2), multiples of 256 channels, of which a tile takes 8 while their line is there, and several windows for a
 * channel go tap by tap.
 */
export function runDepthwise(matmul: Matmul, thread: i32, threads: i32): void {
  const stride = strideInTaps(matmul);
  const windowWidth = matmul.innerCount;
  const width = matmul.target.width;
  const isCrowded = matmul.source.pixelStep % CROWDED == 0;
  const pixels = spanPixels(windowWidth, width);
  // Nothing twice at stride 2, and no kernels for longer ones.
  const pays = stride > 0 && width >= pixels && 3 * (roundUp(width, pixels) - width) <= (2 - stride) * width;
  const inSpans = matmul.multiplier == 1 && !isCrowded && pays && (windowWidth == 3 || windowWidth == 5);
  const rows = matmul.rows / width;
  const first = firstOf(rows, thread, threads);
  const end = firstOf(rows, thread + 1, threads);
  if (inSpans) for (let row = first; row < end; row++) runRow(matmul, row, stride, pixels);
  else for (let pixel = first * width; pixel < end * width; pixel += MAX_ROWS) runPixels(matmul, pixel, min(MAX_ROWS, end * width - pixel));
}

/** Taps from an output's first to its neighbour's, or 0 where these do not meet. */
function strideInTaps(matmul: Matmul): i32 {
  const tap = matmul.innerStep;
  return tap > 0 && matmul.source.pixelStep % tap == 0 ? matmul.source.pixelStep / tap : 0;
}

/** Pixels that a kernel takes at one time: 7, or 8 of a 3-wide window where a row is not more in eights than in sevens. */
function spanPixels(windowWidth: i32, width: i32): i32 {
  return windowWidth == 3 && roundUp(width, 8) <= roundUp(width, 7) ? 8 : 7;
}

// @ts-ignore: decorator
@inline
function roundUp(width: i32, pixels: i32): i32 {
  return (width + pixels - 1) / pixels * pixels;
}

/** By spans of a few blocks of pixels: what they read should stay in the first-level cache while the channels pass. */
function runRow(matmul: Matmul, row: i32, stride: i32, pixels: i32): void {
  const width = matmul.target.width;
  const image = row / matmul.target.height;
  const y = row - image * matmul.target.height;
  let source = pixelAt(matmul.source, image, y);
  let target = pixelAt(matmul.target, image, y);
  let addend = matmul.addend.base != 0 ? pixelAt(matmul.addend, image, y) : 0;
  for (let left = width; left > 0; ) {
    const count = left < 3 * pixels ? left : 2 * pixels;
    depthwiseSpan(matmul, source, target, addend, count, stride, pixels);
    source += count * matmul.source.pixelStep;
    target += count * matmul.target.pixelStep;
    if (addend != 0) addend += count * matmul.addend.pixelStep;
    left -= count;
  }
}

function pixelAt(view: RowView, image: i32, y: i32): usize {
  return view.base + image * view.imageStep + y * view.rowStep;
}

/** `count` pixels, at most MAX_ROWS, of all channels; from the end of a row on to the next. */
function runPixels(matmul: Matmul, firstRow: i32, count: i32): void {
  const table = changetype<usize>(matmul) + TABLES;
  fillPointers(table, matmul.source, firstRow, count);
  fillPointers(table + TABLE_BYTES, matmul.target, firstRow, count);
  if (matmul.addend.base != 0) fillPointers(table + 2 * TABLE_BYTES, matmul.addend, firstRow, count);
  if (matmul.multiplier > 1) return multipliedPixels(matmul, count);
  const none = i32x4.splat(0);
  // The last tile may have its last pixel several times, and stores it as often: addends are read before.
  for (let row = 0; row < count; row += TILE_ROWS) {
    const pointers = table + (<usize>row << 2);
    for (let channel = 0; channel < matmul.columns; channel += TILE_COLUMNS) {
      const offset = <usize>channel << 2;
      const bias = matmul.bias != 0 ? matmul.bias + offset : changetype<usize>(matmul) + ZEROS;
      depthwiseTile(matmul, pointers, matmul.panel + offset, bias, offset, offset, min(TILE_COLUMNS, matmul.columns - channel), none, none);
    }
  }
}

/** runPixels for several columns a channel of the source: what 8 of them read are at most 4 channels, from `firstChannel` on. */
function multipliedPixels(matmul: Matmul, count: i32): void {
  const table = changetype<usize>(matmul) + TABLES;
  const multiplier = matmul.multiplier;
  for (let column = 0; column < matmul.columns; column += TILE_COLUMNS) {
    const offset = <usize>column << 2;
    const bias = matmul.bias != 0 ? matmul.bias + offset : changetype<usize>(matmul) + ZEROS;
    const firstChannel = column / multiplier;
    const low = spreading(column - firstChannel * multiplier, multiplier);
    const high = spreading(column - firstChannel * multiplier + LANES, multiplier);
    const columns = min(TILE_COLUMNS, matmul.columns - column);
    for (let row = 0; row < count; row += TILE_ROWS) {
      depthwiseTile(matmul, table + (<usize>row << 2), matmul.panel + offset, bias, firstChannel << 2, offset, columns, low, high);
    }
  }
}

/** Places of the bytes that give 4 columns their channels, the first of them `column` columns behind that of the vector's first channel. */
function spreading(column: i32, multiplier: i32): v128 {
  const channels = i32x4(column / multiplier, (column + 1) / multiplier, (column + 2) / multiplier, (column + 3) / multiplier);
  return i32x4.add(i32x4.mul(channels, i32x4.splat(0x04040404)), i32x4.splat(0x03020100));
}
