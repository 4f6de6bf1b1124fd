/** The rows × panels loop around the tiles of matmul.ts and depthwise.ts: blocks for the caches, shares for the threads. */
import { tile4x8, vector1x32 } from "../matmul";
import { Matmul, PANEL_ROW_BYTES, TABLES, TILE, TILE_COLUMNS, TILE_ROWS, ZEROS } from "../matmulPlan";
import { ASIDE, MAX_ROWS, TABLE_BYTES, fillPointers } from "../rowView";
import { depthwiseTile } from "./depthwise";

/** What the rows of a block read, at most (taps apart): half of a small second-level cache. */
const BLOCK_BYTES: i32 = 256 << 10;

/** Chooses blocks of rows for the caches; it changes no bit of the result. */
export function chooseBlocks(matmul: Matmul, sourceChannels: i32): void {
  matmul.blockRows = max(4 * TILE_ROWS, min(MAX_ROWS, (BLOCK_BYTES / (sourceChannels << 2)) & ~3));
}

/**
 * Computes this thread's share: blocks of rows, and where these are few, ranges of panels. Every element is summed by one
 * thread, from the bias on, k ascending, so its bits depend on neither the share nor its place in a tile.
 */
export function runMatmul(matmul: Matmul, thread: i32, threads: i32): void {
  const panels = matmul.groups * matmul.panels;
  const blocks = (matmul.rows + matmul.blockRows - 1) / matmul.blockRows;
  const parts = threads == 1 ? 1 : min(panels, (3 * threads + blocks - 1) / blocks);
  for (let task = thread; task < blocks * parts; task += threads) {
    const block = task / parts;
    const part = task - block * parts;
    const firstRow = block * matmul.blockRows;
    const count = min(matmul.blockRows, matmul.rows - firstRow);
    const table = changetype<usize>(matmul) + TABLES;
    fillPointers(table, matmul.source, firstRow, count);
    fillPointers(table + TABLE_BYTES, matmul.target, firstRow, count);
    if (matmul.addend.base != 0) fillPointers(table + 2 * TABLE_BYTES, matmul.addend, firstRow, count);
    const firstPanel = (part * panels) / parts;
    const endPanel = ((part + 1) * panels) / parts;
    if (matmul.depthwise) runRowsFirst(matmul, count, firstPanel, endPanel);
    else runPanelsFirst(matmul, count, firstPanel, endPanel);
  }
}

/** A panel stays in the first-level cache while the rows pass. */
function runPanelsFirst(matmul: Matmul, count: i32, firstPanel: i32, endPanel: i32): void {
  let panel = firstPanel;
  if (count == 1) {
    for (; panel + 4 <= endPanel && fourWholePanels(matmul, panel); panel += 4) runVector(matmul, panel);
  }
  for (; panel < endPanel; panel++) {
    for (let row = 0; row < count; row += TILE_ROWS) runTile(matmul, row, min(TILE_ROWS, count - row), panel);
  }
}

/** Depthwise: the weights are few and the source is read once. */
function runRowsFirst(matmul: Matmul, count: i32, firstPanel: i32, endPanel: i32): void {
  for (let row = 0; row < count; row += TILE_ROWS) {
    for (let panel = firstPanel; panel < endPanel; panel++) runTile(matmul, row, min(TILE_ROWS, count - row), panel);
  }
}

function fourWholePanels(matmul: Matmul, panel: i32): bool {
  return (panel % matmul.panels + 4) * TILE_COLUMNS <= matmul.columns;
}

/** One tile; what does not fill 4 x 8 is computed whole aside and its valid part copied. */
function runTile(matmul: Matmul, row: i32, validRows: i32, panel: i32): void {
  const group = matmul.groups == 1 ? 0 : panel / matmul.panels;
  const panelColumn = (panel - group * matmul.panels) * TILE_COLUMNS;
  const columnOffset = <usize>(group * matmul.columns + panelColumn) << 2;
  const validColumns = min(TILE_COLUMNS, matmul.columns - panelColumn);
  const whole = validRows == TILE_ROWS && validColumns == TILE_COLUMNS;
  const table = changetype<usize>(matmul) + TABLES;
  const pointers = table + (<usize>row << 2);
  if (!whole) setAside(matmul, pointers, changetype<usize>(matmul) + TILE - columnOffset);
  const tilePointers = whole ? pointers : table + ASIDE;
  const panelPtr = matmul.panel + panel * matmul.panelStep;
  const bias = biasAt(matmul, columnOffset);
  if (matmul.depthwise) depthwiseTile(matmul, tilePointers, panelPtr, bias, columnOffset);
  else tile4x8(matmul, tilePointers, panelPtr, bias, columnOffset, group * matmul.sourceGroupStep);
  if (!whole) copyTile(changetype<usize>(matmul) + TILE, pointers, columnOffset, validRows, validColumns);
}

function biasAt(matmul: Matmul, columnOffset: usize): usize {
  return matmul.bias != 0 ? matmul.bias + columnOffset : changetype<usize>(matmul) + ZEROS;
}

/** Copies a tile's pointers behind the table and turns its targets to `target` and what follows it in steps of a panel's row. */
function setAside(matmul: Matmul, pointers: usize, target: usize): void {
  const aside = changetype<usize>(matmul) + TABLES + ASIDE;
  v128.store(aside, v128.load(pointers));
  v128.store(aside, v128.load(pointers, 2 * TABLE_BYTES), 2 * TABLE_BYTES);
  for (let i: usize = 0; i < 4; i++) store<usize>(aside + i * sizeof<usize>(), target + i * PANEL_ROW_BYTES, TABLE_BYTES);
}

/** The single row at the table's begin times four panels. */
function runVector(matmul: Matmul, panel: i32): void {
  const group = panel / matmul.panels;
  const columnOffset = <usize>(group * matmul.columns + (panel - group * matmul.panels) * TILE_COLUMNS) << 2;
  const pointers = changetype<usize>(matmul) + TABLES;
  setAside(matmul, pointers, load<usize>(pointers, TABLE_BYTES));
  const addend = load<usize>(pointers, 2 * TABLE_BYTES);
  for (let i: usize = 0; i < 4; i++) store<usize>(pointers + ASIDE + i * sizeof<usize>(), addend + i * PANEL_ROW_BYTES, 2 * TABLE_BYTES);
  const bias = biasAt(matmul, columnOffset);
  vector1x32(matmul, pointers + ASIDE, matmul.panel + panel * matmul.panelStep, bias, columnOffset, group * matmul.sourceGroupStep);
}

function copyTile(tile: usize, pointers: usize, columnOffset: usize, validRows: i32, validColumns: i32): void {
  for (let i = 0; i < validRows; i++) {
    const to = load<usize>(pointers + (<usize>i << 2), TABLE_BYTES) + columnOffset;
    const from = tile + i * PANEL_ROW_BYTES;
    for (let j: usize = 0; j < <usize>validColumns << 2; j += 4) store<f32>(to + j, load<f32>(from + j));
  }
}
