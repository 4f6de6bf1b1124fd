/**
 * Writes the micro-kernels of every matrix product, AssemblyScript with each sum in a local of its own: asc unrolls no loops and keeps
 * no array in registers. What differs is where rows come from and where sums go; the steps over k in between are one text.
 *
 * Their form is V8's: 15 vector registers, and on Node 20 and 22 a scheduler that moves loads up until registers spill. An exit
 * that consumes every sum stops it (a fence): between k-steps a real one, within a step one that is never taken. Measured on one Zen 4
 * core, GFLOP/s hot in cache at 128 steps, Node 24 / Node 20 — fused: 6x8, two steps, fenced after every row 55 / 54, 4x8 50 / 45 to 51,
 * 3x12 51 / 51, 2x16 50 / 50; 6x8 fenced by step alone 55 / 25. Apart: 4x8, four steps 41 / 38, 2x16 40 / 38, 5x8 41 / 34, 6x8 38 / 37.
 * Steps at a turn of 6x8, in runs of 9 / 5 (first layers; a turn's end costs what it hides): two 44 / 45, three 47 / 47, four 47 / 47,
 * five 48 / 50, but five take 7 % from Winograd's products on Node 20. Windows copied into one run instead: 39 / 37. Time of 8x4, fenced
 * in the middle, over that of 4x8, 64 inputs: 0.65 / 0.65 on Node 24 / 20, by step alone 1.15 on Node 20, by row 0.75 / 0.76; 6x4 0.68 / 0.67.
 */
const COLUMNS = 2;

/** Rows of a tile at most; the fused form has registers for two more. */
const TILES = [
  { rows: 4, vectors: COLUMNS, steps: 4, fence: "step" },
  { rows: 6, vectors: COLUMNS, steps: 3, fence: "row" },
];
/** Where columns are at most 4: one vector of them. 1.2 to 1.6 times as fast as 4x8, half of which nobody asked for. */
const NARROW = { rows: 8, vectors: 1, steps: 4, fence: "half" };

/**
 * Depthwise windows with kernels of their own: width of the window, steps of a pixel from one output to the next. 8 pixels at a time
 * have fewer loads and more sums in flight than 4: 0.176 against 0.206 ms for 3x3, 96 channels at 56x56, fused. 5 weights leave registers
 * for 7 sums. 7 are for maps of 7, 14 and 28. Another kernel, 5 wide and of 6 pixels, takes 0.2 kB for
 * 1.04 to 1.10x on maps of 12 and 24.
 */
const SPANS = [
  { window: 3, sizes: [7, 8] },
  { window: 5, sizes: [7] },
].flatMap(({ window, sizes }) => [1, 2].flatMap((stride) => sizes.map((pixels) => ({ window, stride, pixels }))));

export function generateTiles() {
  const head = [
    "// Made by scripts/tiles.mjs: micro-kernels, every sum in a local.",
    'import { copyTile } from "../../assembly/conv2d/aside";',
    'import { finishSpan, storeEnd } from "../../assembly/conv2d/finishSpan";',
    'import { LANES, multiplyAdd, storeUpTo } from "../../assembly/lanes";',
    'import { clamp, leak, storeTile } from "../../assembly/matmul";',
    'import { Matmul, PANEL_ROW_BYTES, TILE, ZEROS } from "../../assembly/matmulPlan";',
    'import { TABLE_BYTES } from "../../assembly/rowView";',
  ];
  const products = [...TILES.flatMap((tile) => [segmentTile(tile), rowTile(tile)]), segmentTile(NARROW)];
  return [...head, ...products, stripTile(TILES[0]), depthwiseTile(TILES[0]), ...SPANS.map(depthwiseSpan), spanChoice(), ""].join("\n");
}

const each = (count, line) => Array.from({ length: count }, (_, index) => line(index)).join("\n");
const sums = (rows, line, vectors = COLUMNS) => each(rows * vectors, (index) => line(Math.floor(index / vectors), index % vectors));

/** The kernel of a window, a stride and a number of pixels. */
function spanChoice() {
  const fits = ({ window, stride, pixels }) => `matmul.innerCount == ${window} && stride == ${stride} && pixels == ${pixels}`;
  const call = ({ window, stride, pixels }) => `depthwise${window}s${stride}x${pixels}(matmul, source, target, addend, count)`;
  return `
export function depthwiseSpan(
  matmul: Matmul, source: usize, target: usize, addend: usize, count: i32, stride: i32, pixels: i32,
): void {
${each(SPANS.length, (index) => `if (${fits(SPANS[index])}) return ${call(SPANS[index])};`)}
}`;
}

/** c += a[k] ⊗ panel[k], `steps` at a turn, until k is 0. `a(row, step)` loads a value into all lanes, `next` moves to the next turn. */
function kLoop({ rows, vectors, steps, fence }, { a, next }) {
  let never = 0;
  const row = (step) => (i) => {
    const products = each(vectors, (j) => `c${i}${j} = multiplyAdd(a, b${j}, c${i}${j});`);
    const stop = (fence === "row" ? i < rows - 1 : fence === "half" && i === rows / 2 - 1) ? `\nif (panel == ${++never}) break;` : "";
    return `a = ${a(i, step)};\n${products}${stop}`;
  };
  const body = each(steps, (step) => {
    const panel = each(vectors, (j) => `b${j} = v128.load(panel, ${32 * step + 16 * j});`);
    return `${panel}\n${each(rows, row(step))}\n${step < steps - 1 ? `if (k == ${step + 1}) break;` : ""}`;
  });
  return `while (true) {\n${body}\nk -= ${steps};\nif (k == 0) break;\n${next}\npanel += ${steps} * PANEL_ROW_BYTES;\n}`;
}

const TEMPORARIES = "let b0: v128, b1: v128, a: v128;";

/**
 * `count` tiles of matmul.ts, one under the other: `pointers` holds the addresses of their source rows, and of the targets and addends
 * behind. k walks segments. A function of its own, because V8 swaps in optimized code only at a call.
 */
function segmentTile(tile) {
  const { rows, vectors, steps } = tile;
  const loop = kLoop(tile, { a: (i, step) => `v128.load32_splat(a${i}, ${4 * step})`, next: each(rows, (i) => `a${i} += ${4 * steps};`) });
  return `
export function tiles${rows}x${4 * vectors}(
  matmul: Matmul, pointers: usize, count: i32, panels: usize, bias: usize, columnOffset: usize, sourceOffset: usize, validColumns: i32,
): void {
${TEMPORARIES}
const run = matmul.run;
const passed = (((run - 1) / ${steps}) * ${steps}) << 2;
const innerStep = matmul.innerStep - passed;
const innerPanelStep = matmul.innerPanelStep - (passed << 3);
const outerStep = matmul.outerStep - matmul.innerCount * matmul.innerStep;
const outerPanelStep = matmul.outerPanelStep - matmul.innerCount * matmul.innerPanelStep;
const low = f32x4.splat(matmul.low);
const high = f32x4.splat(matmul.high);
do {
let panel = panels;
${each(rows, (i) => `let a${i} = load<usize>(pointers, ${4 * i}) + sourceOffset;`)}
${each(vectors, (j) => `let c0${j} = v128.load(bias, ${16 * j});`)}
${sums(rows - 1, (i, j) => `let c${i + 1}${j} = c0${j};`, vectors)}
for (let outer = matmul.outerCount; outer > 0; outer--) {
for (let inner = matmul.innerCount; inner > 0; inner--) {
let k = run;
${loop}
${each(rows, (i) => `a${i} += innerStep;`)}
panel += innerPanelStep;
}
${each(rows, (i) => `a${i} += outerStep;`)}
panel += outerPanelStep;
}
if (matmul.addend.base != 0) {
let d: usize;
${each(rows, (i) => `d = load<usize>(pointers, 2 * TABLE_BYTES + ${4 * i}) + columnOffset;\n${each(vectors, (j) => `c${i}${j} = f32x4.add(c${i}${j}, v128.load(d, ${16 * j}));`)}`)}
}
if (matmul.leaky) {
const alpha = f32x4.splat(matmul.alpha);
const zero = f32x4.splat(0);
${sums(rows, (i, j) => `c${i}${j} = leak(c${i}${j}, alpha, zero);`, vectors)}
}
${vectors === 1 ? narrowStore(rows) : wideStore(rows)}
pointers += ${4 * rows};
} while (--count);
}`;
}

/** Pixels of 5 to 7 columns are stored as two vectors where those of the next tile, which overwrite the rest, follow without a gap. */
function wideStore(rows) {
  const isGapless = `load<usize>(pointers, TABLE_BYTES + ${4 * rows}) - load<usize>(pointers, TABLE_BYTES) == <usize>(${4 * rows} * validColumns)`;
  return `if (validColumns == ${4 * COLUMNS} || (count > 1 && matmul.addend.base == 0 && ${isGapless})) {
let to: usize;
${each(rows, (i) => `to = load<usize>(pointers, TABLE_BYTES + ${4 * i}) + columnOffset;\n${each(COLUMNS, (j) => `v128.store(to, clamp(c${i}${j}, low, high), ${16 * j});`)}`)}
} else {
const tile = changetype<usize>(matmul) + TILE;
${sums(rows, (i, j) => `v128.store(tile, clamp(c${i}${j}, low, high), ${32 * i + 16 * j});`)}
copyTile(tile, pointers, columnOffset, ${rows}, validColumns);
}`;
}

function narrowStore(rows) {
  return each(rows, (i) => `storeUpTo(load<usize>(pointers, TABLE_BYTES + ${4 * i}) + columnOffset, clamp(c${i}0, low, high), validColumns);`);
}

/**
 * to [rows][8] ← a [rows][k] · panel [k][8]; rows `aStep` and `toStep` bytes apart: Winograd's products, without the segments, tables and
 * bending of the above, which would cost a tenth of the time at 64 channels.
 */
function rowTile(tile) {
  const { rows, steps } = tile;
  const loop = kLoop(tile, { a: (i, step) => `v128.load32_splat(a${i}, ${4 * step})`, next: each(rows, (i) => `a${i} += ${4 * steps};`) });
  return `
// @ts-ignore: decorator
@inline
export function product${rows}x8(a0: usize, aStep: usize, panel: usize, k: i32, to: usize, toStep: usize): void {
${each(rows - 1, (i) => `let a${i + 1} = a${i} + aStep;`)}
${sums(rows, (i, j) => `let c${i}${j} = f32x4.splat(0);`)}
${TEMPORARIES}
${loop}
${sums(rows, (i, j) => `v128.store(to, c${i}${j}, ${16 * j});${j === COLUMNS - 1 && i < rows - 1 ? "\nto += toStep;" : ""}`)}
}`;
}

/** to [4][8] ← or += Σ over k of strip [k][4] ⊗ panel [k][8]; rows stripStep, panelStep and step bytes apart: weight gradients. */
function stripTile(tile) {
  const { rows, steps } = tile;
  const body = each(steps, (step) => {
    const panel = each(COLUMNS, (j) => `b${j} = v128.load(panel, ${16 * j});`);
    const products = each(
      rows,
      (i) => `a = v128.load32_splat(strip, ${4 * i});\n${each(COLUMNS, (j) => `c${i}${j} = multiplyAdd(a, b${j}, c${i}${j});`)}`,
    );
    const exit = step < steps - 1 ? `if (k == ${step + 1}) break;` : `k -= ${steps};\nif (k == 0) break;`;
    return `${panel}\n${products}\n${exit}\nstrip += stripStep;\npanel += panelStep;`;
  });
  return `
export function transposedTile(
  strip: usize, stripStep: usize, panel: usize, panelStep: usize, k: i32, to: usize, step: usize, add: bool,
): void {
${sums(rows, (i, j) => `let c${i}${j} = f32x4.splat(0);`)}
${TEMPORARIES}
while (true) {
${body}
}
${each(rows, (i) => `if (add) {\n${each(COLUMNS, (j) => `c${i}${j} = f32x4.add(v128.load(to, ${16 * j}), c${i}${j});`)}\n}\n${each(COLUMNS, (j) => `v128.store(to, c${i}${j}, ${16 * j});`)}${i < rows - 1 ? "\nto += step;" : ""}`)}
}`;
}

/**
 * Pixels of a depthwise convolution × 8 channels, of which `columns` are stored: each tap's weights meet the same channels of the source,
 * or the 4 that are read from `sourceOffset` on, spread by `low` and `high`. `panel` points at weight [tap][channel], not packed: the steps
 * between segments lead from tap to tap (backwards for the input gradient).
 */
function depthwiseTile({ rows }) {
  const eachRow = (line) => each(rows, line);
  const fence = "\nif (inner == -1) break;\n";
  const own = `w0 = v128.load(panel);
${eachRow((i) => `c${i}0 = multiplyAdd(v128.load(a${i}), w0, c${i}0);`)}${fence}w1 = v128.load(panel, 16);
${eachRow((i) => `c${i}1 = multiplyAdd(v128.load(a${i}, 16), w1, c${i}1);`)}`;
  const spread = `w0 = v128.load(panel);\nw1 = v128.load(panel, 16);
${eachRow((i) => `x = v128.load(a${i});\nc${i}0 = multiplyAdd(v128.swizzle(x, low), w0, c${i}0);\nc${i}1 = multiplyAdd(v128.swizzle(x, high), w1, c${i}1);${i === 1 ? fence : ""}`)}`;
  const taps = (products) => `for (let outer = matmul.outerCount; outer > 0; outer--) {
for (let inner = matmul.innerCount; inner > 0; inner--) {
${products}
${eachRow((i) => `a${i} += innerStep;`)}
panel += innerPanelStep;
}
${eachRow((i) => `a${i} += outerStep;`)}
panel += outerPanelStep;
}`;
  return `
export function depthwiseTile(
  matmul: Matmul, pointers: usize, panel: usize, bias: usize, sourceOffset: usize, columnOffset: usize, columns: i32, low: v128, high: v128,
): void {
let w0: v128, w1: v128, x: v128;
const innerStep = matmul.innerStep;
const innerPanelStep = matmul.innerPanelStep;
const outerStep = matmul.outerStep - matmul.innerCount * innerStep;
const outerPanelStep = matmul.outerPanelStep - matmul.innerCount * innerPanelStep;
${eachRow((i) => `let a${i} = load<usize>(pointers, ${4 * i}) + sourceOffset;`)}
${each(COLUMNS, (j) => `let c0${j} = v128.load(bias, ${16 * j});`)}
${sums(rows - 1, (i, j) => `let c${i + 1}${j} = c0${j};`)}
if (matmul.multiplier == 1) {
${taps(own)}
} else {
${taps(spread)}
}
storeTile(matmul, pointers, columnOffset, columns, ${Array.from({ length: rows * COLUMNS }, (_, index) => `c${Math.floor(index / COLUMNS)}${index % COLUMNS}`).join(", ")});
}`;
}

/** Pixels at the end of a span whose vectors, with fewer channels than lanes, would reach beyond it: the others' ends are overwritten. */
const END = 3;

/**
 * `count` (at least `pixels`) pixels of a row of a depthwise convolution, all channels: `pixels` neighbours x 4 channels at a time. Taps of
 * a window's row are neighbours too, and a value that is loaded meets all those that it has among the pixels. The last pixels overlap
 * those before, the last channels too where nothing is added.
 */
function depthwiseSpan({ window, stride, pixels }) {
  const reach = window + (pixels - 1) * stride;
  const eachPixel = (line) => each(pixels, line);
  const early = pixels - END;
  const store = (pixel) => `v128.store(to, clamp(c${pixel}, low, high));${pixel < pixels - 1 ? "\nto += toStep;" : ""}`;
  const weights = each(window, (tap) => `w${tap} = v128.load(b);${tap < window - 1 ? "\nb += innerPanelStep;" : ""}`);
  const products = each(reach, (at) => {
    const met = Array.from({ length: pixels }, (_, pixel) => ({ pixel, tap: at - pixel * stride })).filter(({ tap }) => tap >= 0 && tap < window);
    // 12 weights and sums leave Node 20 no register for a second load.
    const fence = at % 2 === 1 || window + pixels > 11 ? `\nif (b == ${at}) break;` : "";
    const step = at < reach - 1 ? `\na += innerStep;${fence}` : "";
    return `x = v128.load(a);\n${met.map(({ pixel, tap }) => `c${pixel} = multiplyAdd(x, w${tap}, c${pixel});`).join("\n")}${step}`;
  });
  return `
export function depthwise${window}s${stride}x${pixels}(matmul: Matmul, source: usize, target: usize, addend: usize, count: i32): void {
${each(window, (tap) => `let w${tap}: v128;`)}
let x: v128;
const innerStep = matmul.innerStep;
const innerPanelStep = matmul.innerPanelStep;
const outerStep = matmul.outerStep - ${reach - 1} * innerStep;
const outerPanelStep = matmul.outerPanelStep - ${window - 1} * innerPanelStep;
const outerCount = matmul.outerCount;
const plain = addend == 0 && !matmul.leaky;
for (let channel = 0; channel < matmul.columns; channel += LANES) {
const at = plain && matmul.columns >= LANES ? min(channel, matmul.columns - LANES) : channel;
const offset = <usize>at << 2;
const lanes = matmul.columns - at;
const bias = matmul.bias != 0 ? matmul.bias + offset : changetype<usize>(matmul) + ZEROS;
for (let next = 0; next < count; next += ${pixels}) {
const first = min(next, count - ${pixels});
let a = source + offset + first * matmul.source.pixelStep;
let b = matmul.panel + offset;
let c0 = v128.load(bias);
${each(pixels - 1, (pixel) => `let c${pixel + 1} = c0;`)}
for (let row = outerCount; row > 0; row--) {
${weights}
${products}
a += outerStep;
b += outerPanelStep;
}
const toStep = matmul.target.pixelStep;
let to = target + offset + first * toStep;
if (plain && (lanes >= LANES || toStep == lanes << 2)) {
const low = f32x4.splat(matmul.low);
const high = f32x4.splat(matmul.high);
${each(early, store)}
if (lanes >= LANES) {
${each(END, (pixel) => store(early + pixel))}
} else storeEnd(to, toStep, ${Array.from({ length: END }, (_, pixel) => `clamp(c${early + pixel}, low, high)`).join(", ")}, lanes);
} else {
const tile = changetype<usize>(matmul) + TILE;
${eachPixel((pixel) => `v128.store(tile, c${pixel}, ${16 * pixel});`)}
finishSpan(matmul, next - first, ${pixels}, to, addend != 0 ? addend + offset + first * matmul.addend.pixelStep : 0, lanes);
}
}
}
}`;
}
