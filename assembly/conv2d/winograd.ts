/**
 * 3x3 convolution of stride 1 with a quarter of the products: Winograd's F(4x4, 3x3) over haloed NHWC, for output and input gradient.
 * A tile is 4 x 4 output pixels. A block of tiles goes through 36 matrix products [tiles, inChannels] x [inChannels, outChannels]; what
 * stands between the transforms stays in the second-level cache. Every tile's arithmetic is its own, so the bits of a pixel
 * depend on neither batch nor block nor thread. NaN and infinities spread over the tile they meet: up to 3 pixels further than the
 * window reaches.
 */
import { Matmul, PANEL_ROW_BYTES, TILE_COLUMNS } from "../matmulPlan";
import { touchPages } from "../pages";
import { firstOf } from "../share";
import { multiplyRows } from "./winogradProduct";
import { LINES_BYTES, copyPatch, transformInput, transformOutput } from "./winogradTransforms";

export const POSITIONS: i32 = 36;
/** Between two positions of an array: keeps them in different sets of the caches. */
export const POSITION_GAP: i32 = 64;
export const PIXELS: i32 = 4;
export const PATCH: i32 = 6;
const CHUNK_PANELS: i32 = 8;
/** Of so many panels further on pages are touched: 512 channels at 7x7 in 7 % less time, batch 1 and 4. */
const PANELS_AHEAD: i32 = 4;
/** Few enough for the second-level cache, enough to use a panel while it is in the first. */
export const BLOCK_TILES: i32 = 36;

/** Scratch of a thread behind the Matmul (its tables are not used): this plan, lines, a patch, transformed input, products. */
const PLAN: usize = 256;
const LINES: usize = 320;
const ARRAYS: usize = LINES + LINES_BYTES;

/** Where a block's arrays lie, and what its tiles are. */
@unmanaged
class Plan {
  tilesDown: i32;
  tilesAcross: i32;
  firstTile: i32;
  tiles: i32;
  patch: usize;
  /** [36][tile][inChannel], channels rounded up to 4. */
  inputs: usize;
  inputStep: i32;
  inputPositionStep: i32;
  /** [36][tile][column] of up to 8 panels. */
  products: usize;
  productStep: i32;
  productPositionStep: i32;
}


/** Bytes from one position of the panels to the next. */
// @ts-ignore: decorator
@inline
export function panelPositionStep(columns: i32, depth: i32): i32 {
  return ((columns + TILE_COLUMNS - 1) / TILE_COLUMNS) * depth * PANEL_ROW_BYTES + POSITION_GAP;
}

/** target ← activation(convolution of source + bias + addend). Threads share blocks of tiles, or where these are few, the panels. */
export function runWinograd(matmul: Matmul, thread: i32, threads: i32): void {
  const plan = planBlocks(matmul);
  const images = matmul.rows / (matmul.target.height * matmul.target.width);
  const quads = (images * plan.tilesDown * plan.tilesAcross + 3) >> 2;
  let blocks = (quads * 4 + BLOCK_TILES - 1) / BLOCK_TILES;
  if (blocks >= threads) blocks = min(quads, ((blocks + threads - 1) / threads) * threads);
  const parts = blocks >= threads ? 1 : min(matmul.panels, (threads + blocks - 1) / blocks);
  const end = firstOf(blocks * parts, thread + 1, threads);
  for (let task = firstOf(blocks * parts, thread, threads); task < end; task++) {
    const block = task / parts;
    const part = task - block * parts;
    plan.firstTile = firstOf(quads, block, blocks) << 2;
    plan.tiles = min(firstOf(quads, block + 1, blocks) << 2, images * plan.tilesDown * plan.tilesAcross) - plan.firstTile;
    transformInputs(matmul, plan);
    const endPanel = ((part + 1) * matmul.panels) / parts;
    for (let panel = (part * matmul.panels) / parts; panel < endPanel; panel += CHUNK_PANELS) {
      const panels = min(CHUNK_PANELS, endPanel - panel);
      multiply(matmul, plan, panel, panels);
      transformOutputs(matmul, plan, panel * TILE_COLUMNS, panels * TILE_COLUMNS);
    }
  }
}

function planBlocks(matmul: Matmul): Plan {
  const scratch = changetype<usize>(matmul);
  const plan = changetype<Plan>(scratch + PLAN);
  plan.tilesDown = (matmul.target.height + PIXELS - 1) / PIXELS;
  plan.tilesAcross = (matmul.target.width + PIXELS - 1) / PIXELS;
  matmul.panelStep = matmul.run * PANEL_ROW_BYTES;
  plan.inputStep = ((matmul.run + 3) & ~3) << 2;
  plan.inputPositionStep = BLOCK_TILES * plan.inputStep + POSITION_GAP;
  plan.productStep = min(matmul.panels, CHUNK_PANELS) * PANEL_ROW_BYTES;
  plan.productPositionStep = BLOCK_TILES * plan.productStep + POSITION_GAP;
  plan.patch = scratch + ARRAYS;
  plan.inputs = plan.patch + PATCH * PATCH * plan.inputStep;
  plan.products = plan.inputs + POSITIONS * plan.inputPositionStep;
  return plan;
}

function transformInputs(matmul: Matmul, plan: Plan): void {
  const source = matmul.source;
  const lines = changetype<usize>(matmul) + LINES;
  for (let index = 0; index < plan.tiles; index++) {
    const row = (plan.firstTile + index) / plan.tilesAcross;
    const image = row / plan.tilesDown;
    const y = (row - image * plan.tilesDown) * PIXELS;
    const x = (plan.firstTile + index - row * plan.tilesAcross) * PIXELS;
    const from = source.base + image * source.imageStep + y * source.rowStep + x * source.pixelStep;
    const to = plan.inputs + index * plan.inputStep;
    const rows = source.height + 2 - y;
    const columns = source.width + 2 - x;
    if (rows >= PATCH && columns >= PATCH) {
      transformInput(from, source.rowStep, source.pixelStep, matmul.run, lines, to, plan.inputPositionStep);
    } else {
      copyPatch(from, source.rowStep, source.pixelStep, matmul.run, rows, columns, PATCH, plan.patch);
      transformInput(plan.patch, PATCH * plan.inputStep, plan.inputStep, matmul.run, lines, to, plan.inputPositionStep);
    }
  }
}

function multiply(matmul: Matmul, plan: Plan, firstPanel: i32, panels: i32): void {
  let inputs = plan.inputs;
  let products = plan.products;
  let position = matmul.panel + firstPanel * matmul.panelStep;
  const end = products + POSITIONS * plan.productPositionStep;
  const positionStep = panelPositionStep(matmul.columns, matmul.run);
  for (; products < end; products += plan.productPositionStep) {
    for (let panel = 0; panel < panels; panel++) {
      const to = products + panel * PANEL_ROW_BYTES;
      const from = position + panel * matmul.panelStep;
      const ahead = from + PANELS_AHEAD * matmul.panelStep;
      touchPages(ahead, min(ahead + matmul.panelStep, matmul.panel + POSITIONS * positionStep));
      multiplyRows(inputs, plan.inputStep, plan.tiles, from, matmul.run, to, plan.productStep);
    }
    inputs += plan.inputPositionStep;
    position += positionStep;
  }
}

function transformOutputs(matmul: Matmul, plan: Plan, column: i32, columns: i32): void {
  const target = matmul.target;
  const addend = matmul.addend;
  const lines = changetype<usize>(matmul) + LINES;
  const offset = column << 2;
  const bias: usize = matmul.bias == 0 ? 0 : matmul.bias + offset;
  const channels = min(columns, matmul.columns - column);
  for (let index = 0; index < plan.tiles; index++) {
    const row = (plan.firstTile + index) / plan.tilesAcross;
    const image = row / plan.tilesDown;
    const y = (row - image * plan.tilesDown) * PIXELS;
    const x = (plan.firstTile + index - row * plan.tilesAcross) * PIXELS;
    const to = target.base + image * target.imageStep + y * target.rowStep + x * target.pixelStep + offset;
    const plus = addend.base + image * addend.imageStep + y * addend.rowStep + x * addend.pixelStep + offset;
    transformOutput(
      matmul, plan.products + index * plan.productStep, plan.productPositionStep, channels, lines,
      to, plus, bias, min(PIXELS, target.height - y), min(PIXELS, target.width - x),
    );
  }
}
