import { LANES, f32At, storeUpTo } from "../lanes";
import { PANEL_ROW_BYTES, TILE_COLUMNS, TILE_ROWS } from "../matmulPlan";
import { Algorithm, Conv2dWeightGrad, RunHeader, RUN_HEADER, Write } from "../records";
import { MAX_ROWS, TABLE_BYTES } from "../rowView";
import { biasGrad, depthwiseWeightGrad } from "./channelSums";
import { CHUNK_BYTES, OFFSETS, TABLES, fillChunk, storeOffsets } from "./gradientChunk";
import { transposedTile } from "../../build/assembly/tiles";
import { winogradWeightGrad } from "./winogradWeightGrad";

/** Columns whose share of a chunk of outputGrad is packed at one time: 64 KB, in the second-level cache. */
const MAX_COLUMNS: i32 = 128;
const STRIP_ROW_BYTES: i32 = 16;

/**
 * Scratch behind what gradientChunk.ts lays out: a tile, a strip of the input, a block of outputGrad.
 * A thread needs WEIGHT_GRAD_SCRATCH (BLOCK) bytes and 512 per column, the columns of a group rounded up to 8, at most MAX_COLUMNS.
 */
const TILE: usize = CHUNK_BYTES;
const STRIP: usize = TILE + TILE_ROWS * PANEL_ROW_BYTES;
const BLOCK: usize = STRIP + MAX_ROWS * STRIP_ROW_BYTES;

/**
 * weightGrad [windowHeight, windowWidth, inChannels / groups, outChannels], biasGrad [outChannels] (0: none) ← or += (run header)
 * Σ over batch and pixels. A product inputᵀ · outputGrad: a strip is 4 rows of weightGrad (consecutive in window and channels),
 * k runs over the pixels, in chunks of 128 fixed by shape. Both operands of a chunk are packed: the inner loop then
 * meets neither strides (4 KB at 1,024 channels: one cache set) nor ends of rows, and a strip serves all tiles of its block.
 * Source of the form: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
 */
export function conv2dWeightGrad(record: Conv2dWeightGrad, thread: i32, threads: i32): void {
  const scratch = record.scratch + thread * record.scratchBytes;
  const run = changetype<RunHeader>(RUN_HEADER);
  const pixels = run.batch * record.outputGrad.height * record.outputGrad.width;
  const winograd = record.algorithm == Algorithm.winograd;
  if (winograd) winogradWeightGrad(record, scratch, thread, threads);
  if (winograd && record.biasGrad == 0) return;
  for (let first = 0; first < pixels; first += MAX_ROWS) {
    const count = min(MAX_ROWS, pixels - first);
    const add = record.write == Write.add || run.accumulate != 0 || first > 0;
    fillChunk(scratch, record, first, count);
    if (record.algorithm == Algorithm.depthwise) depthwiseWeightGrad(record, scratch, count, add, thread, threads);
    else if (!winograd) addChunk(record, scratch, count, add, thread, threads);
    if (record.biasGrad != 0) biasGrad(record, scratch, count, add, thread, threads);
  }
}

/** One chunk of pixels: for every block of columns, this thread's strips. */
function addChunk(record: Conv2dWeightGrad, scratch: usize, count: i32, add: bool, thread: i32, threads: i32): void {
  const inChannels = record.input.channels / record.groups;
  const outChannels = record.outputGrad.channels / record.groups;
  const rows = record.windowHeight * record.windowWidth * inChannels;
  for (let group = 0; group < record.groups; group++) {
    for (let column = 0; column < outChannels; column += MAX_COLUMNS) {
      const columns = min(MAX_COLUMNS, outChannels - column);
      const outChannel = group * outChannels + column;
      packOutputGrad(scratch, count, outChannel, columns);
      for (let row = thread * TILE_ROWS; row < rows; row += threads * TILE_ROWS) {
        storeOffsets(scratch, record, group * inChannels, row, min(TILE_ROWS, rows - row), inChannels);
        packStrip(scratch, count);
        const weightGrad = f32At(record.weightGrad, row * record.outputGrad.channels + outChannel);
        addStrip(record, scratch, count, weightGrad, min(TILE_ROWS, rows - row), columns, add);
      }
    }
  }
}

/** block [column / 8][pixel][8] ← outputGrad; columns behind the last are whatever follows in memory, and never stored. */
function packOutputGrad(scratch: usize, count: i32, outChannel: i32, columns: i32): void {
  let to = scratch + BLOCK;
  for (let column = 0; column < columns; column += TILE_COLUMNS) {
    const offset = <usize>(outChannel + column) << 2;
    let table = scratch + TABLES + TABLE_BYTES;
    for (let pixel = 0; pixel < count; pixel++) {
      const from = load<usize>(table) + offset;
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      to += PANEL_ROW_BYTES;
      table += sizeof<usize>();
    }
  }
}

/** strip [pixel][4] ← the input under 4 rows of weightGrad: neighbours in memory unless a tap ends between them. */
function packStrip(scratch: usize, count: i32): void {
  const offset0 = load<usize>(scratch, OFFSETS);
  const offset1 = load<usize>(scratch, OFFSETS + 4);
  const offset2 = load<usize>(scratch, OFFSETS + 8);
  const offset3 = load<usize>(scratch, OFFSETS + 12);
  const together = offset3 - offset0 == 12 && offset2 - offset0 == 8 && offset1 - offset0 == 4;
  let to = scratch + STRIP;
  let table = scratch + TABLES;
  for (const end = table + (<usize>count << 2); table < end; table += sizeof<usize>()) {
    const from = load<usize>(table);
    if (together) v128.store(to, v128.load(from + offset0));
    else {
      store<f32>(to, load<f32>(from + offset0));
      store<f32>(to, load<f32>(from + offset1), 4);
      store<f32>(to, load<f32>(from + offset2), 8);
      store<f32>(to, load<f32>(from + offset3), 12);
    }
    to += STRIP_ROW_BYTES;
  }
}

function addStrip(record: Conv2dWeightGrad, scratch: usize, count: i32, weightGrad: usize, rows: i32, columns: i32, add: bool): void {
  const step = record.outputGrad.channels << 2;
  const strip = scratch + STRIP;
  let panel = scratch + BLOCK;
  for (let column = 0; column < columns; column += TILE_COLUMNS) {
    const valid = min(TILE_COLUMNS, columns - column);
    if (rows == TILE_ROWS && valid == TILE_COLUMNS) transposedTile(strip, STRIP_ROW_BYTES, panel, PANEL_ROW_BYTES, count, weightGrad, step, add);
    else {
      transposedTile(strip, STRIP_ROW_BYTES, panel, PANEL_ROW_BYTES, count, scratch + TILE, PANEL_ROW_BYTES, false);
      addTile(scratch + TILE, weightGrad, step, rows, valid, add);
    }
    panel += count * PANEL_ROW_BYTES;
    weightGrad += TILE_COLUMNS << 2;
  }
}

function addTile(tile: usize, to: usize, step: usize, rows: i32, columns: i32, add: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j += LANES) {
      const sum = v128.load(f32At(tile, j));
      storeUpTo(f32At(to, j), add ? f32x4.add(v128.load(f32At(to, j)), sum) : sum, columns - j);
    }
    tile += PANEL_ROW_BYTES;
    to += step;
  }
}
