/** The rows × panels loop around the tiles of a matrix product: blocks for the caches, shares for the threads. */
import { tiles4x8, tiles6x8, tiles8x4 } from "../../build/assembly/tiles";
import { FUSES, LANES, f32At, storeUpTo } from "../lanes";
import { vector1x32 } from "../matmul";
import { Matmul, NARROW_TILE_ROWS, PANEL_ROW_BYTES, TABLES, TILE, TILE_COLUMNS, TILE_ROWS, WIDE_TILE_ROWS, ZEROS } from "../matmulPlan";
import { ASIDE, TABLE_BYTES, fillPointers } from "../rowView";
import { firstOf } from "../share";

/** What the rows of a block read, at most (taps apart): half of a small second-level cache. */
const BLOCK_BYTES: i32 = 256 << 10;
/** Rows of a block: whole tiles of either height. */
const BLOCK_ROWS: i32 = 120;
const BLOCK_ROWS_STEP: i32 = 12;
/** Panels that a single row meets at one time. */
const VECTOR_PANELS: i32 = 4;

/**
 * Computes this thread's share: blocks of rows, as many for every thread, and where these are few, ranges of panels. Every element is
 * summed by one thread, from the bias on, k ascending, so its bits depend on neither the share nor its place in a tile.
 */
export function runMatmul(matmul: Matmul, sourceChannels: i32, thread: i32, threads: i32): void {
  const panels = matmul.groups * matmul.panels;
  // One block for one thread: small layers would take longer to divide than to compute.
  const fits = matmul.rows <= BLOCK_ROWS && matmul.rows * (sourceChannels << 2) <= BLOCK_BYTES;
  if (threads == 1 && (fits || matmul.rows <= BLOCK_ROWS_STEP)) return runBlock(matmul, 0, matmul.rows, 0, panels);
  const blockRows = blockRowsOf(sourceChannels);
  const steps = (matmul.rows + BLOCK_ROWS_STEP - 1) / BLOCK_ROWS_STEP;
  let blocks = (matmul.rows + blockRows - 1) / blockRows;
  if (blocks >= threads) blocks = min(steps, ((blocks + threads - 1) / threads) * threads);
  const parts = blocks % threads == 0 ? 1 : min(panels, threads);
  const end = firstOf(blocks * parts, thread + 1, threads);
  for (let task = firstOf(blocks * parts, thread, threads); task < end; task++) {
    const block = task / parts;
    const part = task - block * parts;
    const firstRow = firstOf(steps, block, blocks) * BLOCK_ROWS_STEP;
    const count = min(firstOf(steps, block + 1, blocks) * BLOCK_ROWS_STEP, matmul.rows) - firstRow;
    runBlock(matmul, firstRow, count, (part * panels) / parts, ((part + 1) * panels) / parts);
  }
}

/** Rows that are computed for one panel after the other: what they read should stay in the second-level cache. No bit depends on it. */
function blockRowsOf(sourceChannels: i32): i32 {
  const rows = BLOCK_BYTES / (sourceChannels << 2);
  return max(BLOCK_ROWS_STEP, min(BLOCK_ROWS, rows - (rows % BLOCK_ROWS_STEP)));
}

/** A panel stays in the first-level cache while the rows pass. */
function runBlock(matmul: Matmul, firstRow: i32, count: i32, firstPanel: i32, endPanel: i32): void {
  const table = changetype<usize>(matmul) + TABLES;
  fillPointers(table, matmul.source, firstRow, count);
  fillPointers(table + TABLE_BYTES, matmul.target, firstRow, count);
  if (matmul.addend.base != 0) fillPointers(table + 2 * TABLE_BYTES, matmul.addend, firstRow, count);
  for (let panel = firstPanel; panel < endPanel; ) {
    const group = matmul.groups == 1 ? 0 : panel / matmul.panels;
    const together = count == 1 ? min(VECTOR_PANELS, min(endPanel, (group + 1) * matmul.panels) - panel) : 1;
    if (count == 1) runVector(matmul, group, panel, together);
    else runPanel(matmul, count, group, panel);
    panel += together;
  }
}

function runPanel(matmul: Matmul, count: i32, group: i32, panel: i32): void {
  const panelColumn = (panel - group * matmul.panels) * TILE_COLUMNS;
  const columnOffset = <usize>(group * matmul.columns + panelColumn) << 2;
  const validColumns = min(TILE_COLUMNS, matmul.columns - panelColumn);
  const panelPtr = matmul.panel + panel * matmul.panelStep;
  const bias = matmul.bias != 0 ? matmul.bias + columnOffset : changetype<usize>(matmul) + ZEROS;
  const sourceOffset = group * matmul.sourceGroupStep;
  let pointers = changetype<usize>(matmul) + TABLES;
  // The last tile may have its last row several times, and stores it as often: addends are read before.
  if (validColumns <= LANES) {
    const tiles = (count + NARROW_TILE_ROWS - 1) / NARROW_TILE_ROWS;
    return tiles8x4(matmul, pointers, tiles, panelPtr, bias, columnOffset, sourceOffset, validColumns);
  }
  if (FUSES) {
    // 7 or 8 rows, and 6 times so many more, are two tiles of 4 at the end, 5 one of 6.
    const rest = count % WIDE_TILE_ROWS;
    const tiles = count / WIDE_TILE_ROWS + (rest == 5 ? 1 : rest == 1 || rest == 2 ? -1 : 0);
    if (tiles > 0) {
      tiles6x8(matmul, pointers, tiles, panelPtr, bias, columnOffset, sourceOffset, validColumns);
      pointers += tiles * WIDE_TILE_ROWS * sizeof<usize>();
      count -= tiles * WIDE_TILE_ROWS;
    }
  }
  const tiles = (count + TILE_ROWS - 1) / TILE_ROWS;
  if (tiles > 0) tiles4x8(matmul, pointers, tiles, panelPtr, bias, columnOffset, sourceOffset, validColumns);
}

/** The single row at the table's begin times `together` panels. Where they are not four whole ones, the sums go by way of the tile. */
function runVector(matmul: Matmul, group: i32, panel: i32, together: i32): void {
  const panelColumn = (panel - group * matmul.panels) * TILE_COLUMNS;
  const columnOffset = <usize>(group * matmul.columns + panelColumn) << 2;
  const valid = min(VECTOR_PANELS * TILE_COLUMNS, matmul.columns - panelColumn);
  const pointers = changetype<usize>(matmul) + TABLES;
  const tile = changetype<usize>(matmul) + TILE;
  const to = load<usize>(pointers, TABLE_BYTES) + columnOffset;
  const whole = valid == VECTOR_PANELS * TILE_COLUMNS && together == VECTOR_PANELS;
  const aside = pointers + ASIDE;
  store<usize>(aside, load<usize>(pointers));
  const target = (whole ? to : tile) - columnOffset;
  const addend = load<usize>(pointers, 2 * TABLE_BYTES);
  for (let i = 0; i < VECTOR_PANELS; i++) {
    store<usize>(aside + (<usize>i << 2), target + i * PANEL_ROW_BYTES, TABLE_BYTES);
    store<usize>(aside + (<usize>i << 2), addend + min(i, together - 1) * PANEL_ROW_BYTES, 2 * TABLE_BYTES);
  }
  const bias = matmul.bias != 0 ? matmul.bias + columnOffset : changetype<usize>(matmul) + ZEROS;
  const panelPtr = matmul.panel + panel * matmul.panelStep;
  vector1x32(matmul, aside, panelPtr, together - 1, bias, columnOffset, group * matmul.sourceGroupStep);
  if (whole) return;
  const columns = min(valid, together * TILE_COLUMNS);
  for (let column = 0; column < columns; column += LANES) storeUpTo(f32At(to, column), v128.load(f32At(tile, column)), columns - column);
}
