/** Depthwise convolutions: every channel with its own window. Threads share the rows of the output. */
import { depthwiseSpan } from "../../build/assembly/tiles";
import { multiplyAdd } from "../lanes";
import { storeTile } from "../matmul";
import { Matmul, TABLES, TILE_COLUMNS, TILE_ROWS, ZEROS } from "../matmulPlan";
import { MAX_ROWS, RowView, TABLE_BYTES, fillPointers } from "../rowView";
import { firstOf } from "../share";

/** Bytes from pixel to pixel, or a multiple, with which a span's lines meet in so few sets of a first-level cache that they drive each other out. */
const CROWDED: i32 = 1024;

/**
 * `panel` is weight [tap][channel], not packed: the steps between segments lead from tap to tap (backwards for the input gradient).
 * Windows 3 or 5 wide whose taps are neighbours go by spans of a row; others, maps of which spans would compute more than a quarter
 * twice (anything at stride 2), and multiples of 256 channels, of which a tile takes 8 while their line is there, go tap by tap.
 */
export function runDepthwise(matmul: Matmul, thread: i32, threads: i32): void {
  const stride = strideInTaps(matmul);
  const windowWidth = matmul.innerCount;
  const width = matmul.target.width;
  const isCrowded = matmul.source.pixelStep % CROWDED == 0;
  const pixels = spanPixels(windowWidth, width);
  // Nothing twice at stride 2, and no kernels for longer ones.
  const pays = stride > 0 && width >= pixels && 3 * (roundUp(width, pixels) - width) <= (2 - stride) * width;
  const inSpans = !isCrowded && pays && (windowWidth == 3 || windowWidth == 5);
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
  // The last tile may have its last pixel several times, and stores it as often: addends are read before.
  for (let row = 0; row < count; row += TILE_ROWS) {
    const pointers = table + (<usize>row << 2);
    for (let channel = 0; channel < matmul.columns; channel += TILE_COLUMNS) {
      const offset = <usize>channel << 2;
      const bias = matmul.bias != 0 ? matmul.bias + offset : changetype<usize>(matmul) + ZEROS;
      depthwiseTile(matmul, pointers, matmul.panel + offset, bias, offset, min(TILE_COLUMNS, matmul.columns - channel));
    }
  }
}

/**
 * 4 pixels × 8 channels, of which `columns` are stored: each tap's weights meet the same channels of the source. `panel` points at
 * weight [tap][channel], not packed: the steps between segments lead from tap to tap (backwards for the input gradient).
 * The exit between the halves is a fence, never taken: see tile4x8.
 */
export function depthwiseTile(matmul: Matmul, pointers: usize, panel: usize, bias: usize, columnOffset: usize, columns: i32): void {
  let a0 = load<usize>(pointers) + columnOffset;
  let a1 = load<usize>(pointers, 4) + columnOffset;
  let a2 = load<usize>(pointers, 8) + columnOffset;
  let a3 = load<usize>(pointers, 12) + columnOffset;
  let c00 = v128.load(bias);
  let c01 = v128.load(bias, 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let weight: v128;
  const innerStep = matmul.innerStep;
  const innerPanelStep = matmul.innerPanelStep;
  const outerStep = matmul.outerStep - matmul.innerCount * innerStep;
  const outerPanelStep = matmul.outerPanelStep - matmul.innerCount * innerPanelStep;
  for (let outer = matmul.outerCount; outer > 0; outer--) {
    for (let inner = matmul.innerCount; inner > 0; inner--) {
      weight = v128.load(panel);
      c00 = multiplyAdd(v128.load(a0), weight, c00);
      c10 = multiplyAdd(v128.load(a1), weight, c10);
      c20 = multiplyAdd(v128.load(a2), weight, c20);
      c30 = multiplyAdd(v128.load(a3), weight, c30);
      if (inner == -1) break;
      weight = v128.load(panel, 16);
      c01 = multiplyAdd(v128.load(a0, 16), weight, c01);
      c11 = multiplyAdd(v128.load(a1, 16), weight, c11);
      c21 = multiplyAdd(v128.load(a2, 16), weight, c21);
      c31 = multiplyAdd(v128.load(a3, 16), weight, c31);
      a0 += innerStep;
      a1 += innerStep;
      a2 += innerStep;
      a3 += innerStep;
      panel += innerPanelStep;
    }
    a0 += outerStep;
    a1 += outerStep;
    a2 += outerStep;
    a3 += outerStep;
    panel += outerPanelStep;
  }
  storeTile(matmul, pointers, columnOffset, columns, c00, c01, c10, c11, c20, c21, c30, c31);
}
