/** What a matrix product works on: operands, segments of k, panels, scratch. matmul.ts has the legend. */
import { Floats } from "./records";
import { RowView } from "./rowView";

/** Rows of a tile. The fused form has registers for two more. */
export const TILE_ROWS: i32 = 4;
export const WIDE_TILE_ROWS: i32 = 6;
/** Of a tile for at most 4 columns. */
export const NARROW_TILE_ROWS: i32 = 8;
export const TILE_COLUMNS: i32 = 8;
export const PANEL_ROW_BYTES: i32 = 32;

/** A product with its operands and its working memory; built in a thread's scratch. */
@unmanaged
export class Matmul {
  rows: i32;

  source: RowView;
  target: RowView;
  addend: RowView;

  /** Columns are cut into groups, each with its own channels of the source and its own panels. */
  groups: i32;
  columns: i32;
  panels: i32;
  sourceGroupStep: i32;
  /** Of a depthwise product: columns for each channel of the source. */
  multiplier: i32;

  panel: usize;
  panelStep: i32;
  /** From one k to the next, in the panel. */
  panelRowStep: i32;
  bias: usize;

  /** k: outerCount × innerCount segments of `run` floats; steps from one segment to the next, in the source and in the panel. */
  outerCount: i32;
  outerStep: i32;
  outerPanelStep: i32;
  innerCount: i32;
  innerStep: i32;
  innerPanelStep: i32;
  run: i32;

  /** Bounds of the result; ±Infinity: none. leaky 1: what is below 0 is multiplied by alpha. */
  low: f32;
  high: f32;
  leaky: i32;
  alpha: f32;

  setGrid(images: i32, height: i32, width: i32): void {
    this.rows = images * height * width;
    this.source.height = this.target.height = this.addend.height = height;
    this.source.width = this.target.width = this.addend.width = width;
  }

  setPanels(panels: Floats, groups: i32, sourceChannels: i32, columns: i32): void {
    this.groups = groups;
    this.columns = groups == 1 ? columns : columns / groups;
    this.panels = (this.columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
    this.run = groups == 1 ? sourceChannels : sourceChannels / groups;
    this.sourceGroupStep = this.run << 2;
    this.panel = panels;
    this.panelRowStep = PANEL_ROW_BYTES;
  }

  /** The unpacked weight [k, columns], whose panels lie side by side: for a single row, and for depthwise sums, where k is a tap of the column's own channel. */
  setUnpacked(weight: Floats): void {
    this.panel = weight;
    this.panelStep = PANEL_ROW_BYTES;
    this.panelRowStep = this.columns << 2;
  }
}

/**
 * Scratch of a thread: the product, its three views, zeros for an absent bias, a tile, tables of sources, targets and addends;
 * together MATMUL_SCRATCH bytes.
 */
const VIEWS: usize = 128;
const VIEW_BYTES: usize = 32;
export const ZEROS: usize = 224;
export const TILE: usize = 256;
export const TABLES: usize = 448;

/** A product in a thread's scratch, without bias, addend and bending. */
export function matmulAt(scratch: usize): Matmul {
  const matmul = changetype<Matmul>(scratch);
  const zero = i32x4.splat(0);
  v128.store(scratch + ZEROS, zero);
  v128.store(scratch + ZEROS, zero, 16);
  matmul.source = changetype<RowView>(scratch + VIEWS);
  matmul.target = changetype<RowView>(scratch + VIEWS + VIEW_BYTES);
  matmul.addend = changetype<RowView>(scratch + VIEWS + 2 * VIEW_BYTES);
  matmul.addend.base = 0;
  matmul.multiplier = 1;
  matmul.bias = 0;
  matmul.leaky = 0;
  matmul.low = -Infinity;
  matmul.high = Infinity;
  return matmul;
}

/** Joins segments that follow each other without a gap in the source and in the panel: longer runs, fewer loop ends. */
export function mergeSegments(matmul: Matmul): void {
  if (!mergeInner(matmul)) return;
  matmul.innerCount = matmul.outerCount;
  matmul.innerStep = matmul.outerStep;
  matmul.innerPanelStep = matmul.outerPanelStep;
  matmul.outerCount = 1;
  mergeInner(matmul);
}

/** Whether the inner segments are one run now. */
function mergeInner(matmul: Matmul): bool {
  const run = matmul.run;
  if (matmul.innerCount > 1 && (matmul.innerStep != run << 2 || matmul.innerPanelStep != run * matmul.panelRowStep)) return false;
  matmul.run = run * matmul.innerCount;
  matmul.innerCount = 1;
  return true;
}
