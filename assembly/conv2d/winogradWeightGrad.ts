import { LANES, f32At, storeUpTo } from "../lanes";
import { PANEL_ROW_BYTES, TILE_ROWS } from "../matmulPlan";
import { Conv2dWeightGrad, RunHeader, RUN_HEADER, Write } from "../records";
import { CHUNK_BYTES } from "./gradientChunk";
import { pixelPtr } from "../tensor";
import { transposedTile } from "../../build/assembly/tiles";
import { BLOCK_TILES, PATCH, PIXELS, POSITIONS, POSITION_GAP } from "./winograd";
import { weightGradLine } from "./winogradLines";
import { LINES_BYTES, copyPatch, transformInput, transformOutputGrad } from "./winogradTransforms";

/** Channels, on either side, whose sums are held at one time: 36 x 64 x 64 floats are 590 KB. */
const BLOCK_CHANNELS: i32 = 64;

/** Scratch behind that of gradientChunk.ts: this plan, lines, a patch, both transforms of a block of tiles, sums. */
const PLAN: usize = CHUNK_BYTES;
const LINES: usize = PLAN + 64;
const ARRAYS: usize = LINES + LINES_BYTES;

/** A block of weights, and where the arrays lie of which it is summed. */
@unmanaged
class Plan {
  firstIn: i32;
  inChannels: i32;
  firstOut: i32;
  outChannels: i32;
  patch: usize;
  /** [36][tile][inChannel], channels rounded up to 4. */
  inputs: usize;
  inputStep: i32;
  inputPositionStep: i32;
  /** [36][tile][outChannel], channels rounded up to 8. */
  outputGrads: usize;
  outputGradStep: i32;
  outputGradPositionStep: i32;
  /** [36][inChannel][outChannel], rounded up likewise. */
  sums: usize;
  sumPositionStep: i32;
}

/**
 * weightGrad [3, 3, inChannels, outChannels] ← or += Gᵀ [Σ over tiles (Bᵀ d B) ⊗ (A dy Aᵀ)] G: the adjoint of F(4x4, 3x3) in its window,
 * 36 products inputsᵀ · outputGrads over the tiles of the whole batch, in blocks of BLOCK_TILES, and a last transform.
 * Threads share blocks of weights, so each sum has one order; blocks are cut smaller when there are more threads than blocks.
 */
export function winogradWeightGrad(record: Conv2dWeightGrad, scratch: usize, thread: i32, threads: i32): void {
  const inChannels = record.input.channels;
  const outChannels = record.outputGrad.channels;
  const outBlocks = (outChannels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
  const inBlocks = min((inChannels + 3) >> 2, max((inChannels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS, (threads + outBlocks - 1) / outBlocks));
  const inStep = ((inChannels + inBlocks - 1) / inBlocks + 3) & ~3;
  const outStep = ((outChannels + outBlocks - 1) / outBlocks + 7) & ~7;
  const plan = changetype<Plan>(scratch + PLAN);
  for (let block = thread; block < inBlocks * outBlocks; block += threads) {
    plan.firstIn = (block / outBlocks) * inStep;
    plan.firstOut = (block % outBlocks) * outStep;
    plan.inChannels = min(inStep, inChannels - plan.firstIn);
    plan.outChannels = min(outStep, outChannels - plan.firstOut);
    if (plan.inChannels <= 0 || plan.outChannels <= 0) continue;
    placeArrays(plan, scratch);
    sumTiles(record, plan, scratch);
    storeBlock(record, plan);
  }
}

function placeArrays(plan: Plan, scratch: usize): void {
  plan.inputStep = ((plan.inChannels + 3) & ~3) << 2;
  plan.inputPositionStep = BLOCK_TILES * plan.inputStep + POSITION_GAP;
  plan.outputGradStep = ((plan.outChannels + 7) & ~7) << 2;
  plan.outputGradPositionStep = BLOCK_TILES * plan.outputGradStep + POSITION_GAP;
  plan.sumPositionStep = (plan.inputStep >> 2) * plan.outputGradStep + POSITION_GAP;
  plan.patch = scratch + ARRAYS;
  plan.inputs = plan.patch + PATCH * PATCH * max(plan.inputStep, plan.outputGradStep);
  plan.outputGrads = plan.inputs + POSITIONS * plan.inputPositionStep;
  plan.sums = plan.outputGrads + POSITIONS * plan.outputGradPositionStep;
}

function sumTiles(record: Conv2dWeightGrad, plan: Plan, scratch: usize): void {
  const tilesDown = (record.outputGrad.height + PIXELS - 1) / PIXELS;
  const tilesAcross = (record.outputGrad.width + PIXELS - 1) / PIXELS;
  const tiles = changetype<RunHeader>(RUN_HEADER).batch * tilesDown * tilesAcross;
  for (let first = 0; first < tiles; first += BLOCK_TILES) {
    const count = min(BLOCK_TILES, tiles - first);
    for (let index = 0; index < count; index++) {
      const row = (first + index) / tilesAcross;
      const image = row / tilesDown;
      const y = (row - image * tilesDown) * PIXELS;
      const x = (first + index - row * tilesAcross) * PIXELS;
      transformInputTile(record, plan, scratch, index, image, y, x);
      transformOutputGradTile(record, plan, scratch, index, image, y, x);
    }
    addProducts(plan, count, first > 0);
  }
}

function transformInputTile(record: Conv2dWeightGrad, plan: Plan, scratch: usize, index: i32, image: i32, y: i32, x: i32): void {
  const input = record.input;
  const rowStep = input.rowStride << 2;
  const pixelStep = input.pixelStride << 2;
  const from = pixelPtr(input, image, y - record.padTop, x - record.padLeft) + (plan.firstIn << 2);
  const to = plan.inputs + index * plan.inputStep;
  const rows = record.outputGrad.height + 2 - y;
  const columns = record.outputGrad.width + 2 - x;
  const positionStep = plan.inputPositionStep;
  if (rows >= PATCH && columns >= PATCH) transformInput(from, rowStep, pixelStep, plan.inChannels, scratch + LINES, to, positionStep);
  else {
    copyPatch(from, rowStep, pixelStep, plan.inChannels, rows, columns, PATCH, plan.patch);
    transformInput(plan.patch, PATCH * plan.inputStep, plan.inputStep, plan.inChannels, scratch + LINES, to, positionStep);
  }
}

function transformOutputGradTile(record: Conv2dWeightGrad, plan: Plan, scratch: usize, index: i32, image: i32, y: i32, x: i32): void {
  const outputGrad = record.outputGrad;
  const rowStep = outputGrad.rowStride << 2;
  const pixelStep = outputGrad.pixelStride << 2;
  const from = pixelPtr(outputGrad, image, y, x) + (plan.firstOut << 2);
  const to = plan.outputGrads + index * plan.outputGradStep;
  const rows = outputGrad.height - y;
  const columns = outputGrad.width - x;
  const positionStep = plan.outputGradPositionStep;
  if (rows >= PIXELS && columns >= PIXELS) transformOutputGrad(from, rowStep, pixelStep, plan.outChannels, scratch + LINES, to, positionStep);
  else {
    copyPatch(from, rowStep, pixelStep, plan.outChannels, rows, columns, PIXELS, plan.patch);
    const step = ((plan.outChannels + LANES - 1) & ~(LANES - 1)) << 2;
    transformOutputGrad(plan.patch, PIXELS * step, step, plan.outChannels, scratch + LINES, to, positionStep);
  }
}

function addProducts(plan: Plan, tiles: i32, add: bool): void {
  const rows = plan.inputStep >> 2;
  for (let position = 0; position < POSITIONS; position++) {
    const inputs = plan.inputs + position * plan.inputPositionStep;
    const outputGrads = plan.outputGrads + position * plan.outputGradPositionStep;
    const sums = plan.sums + position * plan.sumPositionStep;
    for (let offset = 0; offset < plan.outputGradStep; offset += PANEL_ROW_BYTES) {
      let to = sums + offset;
      for (let row = 0; row < rows; row += TILE_ROWS) {
        transposedTile(inputs + (row << 2), plan.inputStep, outputGrads + offset, plan.outputGradStep, tiles, to, plan.outputGradStep, add);
        to += TILE_ROWS * plan.outputGradStep;
      }
    }
  }
}

/** weightGrad ← or += Gᵀ sums G, a line of positions after the other in its place: a patch at a time jumps between 36 arrays. */
function storeBlock(record: Conv2dWeightGrad, plan: Plan): void {
  const step = plan.sumPositionStep;
  const bytes = plan.inChannels * plan.outputGradStep;
  for (let x = 0; x < 6; x++) transformLine(plan.sums + x * step, bytes, 6 * step);
  for (let y = 0; y < 3; y++) transformLine(plan.sums + 6 * y * step, bytes, step);
  for (let tap = 0; tap < 9; tap++) storeTap(record, plan, tap, plan.sums + (tap + 3 * (tap / 3)) * step);
}

/** 3 positions ← weightGradLine of 6. */
function transformLine(at: usize, bytes: usize, step: i32): void {
  for (const end = at + bytes; at < end; at += 16) weightGradLine(at, step, at, step);
}

function storeTap(record: Conv2dWeightGrad, plan: Plan, tap: i32, from: usize): void {
  const add = record.write == Write.add || changetype<RunHeader>(RUN_HEADER).accumulate != 0;
  const outChannels = record.outputGrad.channels;
  for (let row = 0; row < plan.inChannels; row++) {
    const to = f32At(record.weightGrad, (tap * record.input.channels + plan.firstIn + row) * outChannels + plan.firstOut);
    for (let column = 0; column < plan.outChannels; column += LANES) {
      let gradient = v128.load(f32At(from, column));
      if (add) gradient = f32x4.add(v128.load(f32At(to, column)), gradient);
      storeUpTo(f32At(to, column), gradient, plan.outChannels - column);
    }
    from += plan.outputGradStep;
  }
}
