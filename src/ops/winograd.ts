/** Winograd's F(4x4, 3x3): where it pays, and the memory it takes. The layouts are those of assembly/conv2d/winograd*.ts. */
import type { WindowGeometry } from "../shape.ts";

export interface WinogradMap {
  readonly height: number;
  readonly width: number;
  /** Channels that are summed over, and channels that result. */
  readonly source: number;
  readonly columns: number;
  /** Tiles an image has at least: with fewer, products of four tiles are partly idle at a batch of 1. */
  readonly minTiles: number;
}

/** Both transforms of a tile cost as much as this many multiply-adds per channel and side (measured at 8 to 64 channels). */
const TRANSFORM_WORK = 260;
/** What has to be gained over the direct sum. */
const GAIN = 1.2;

/** Packing 4 rows of a weight gradient costs as much as this many of their columns (measured at 3 to 8 channels). */
const STRIP_COLUMNS = 4;

/** 36 products instead of 144, against transforms and tiles that reach past the map. */
export function winogradPays(geometry: WindowGeometry, map: WinogradMap): boolean {
  return pays(geometry, map, 9 * map.source * roundUp(map.columns, 8));
}

/** The same for the weight gradient, whose direct form packs the input in strips of 4 rows of the gradient. */
export function winogradGradientPays(geometry: WindowGeometry, map: WinogradMap): boolean {
  return pays(geometry, map, roundUp(9 * map.source, 4) * (roundUp(map.columns, 8) + STRIP_COLUMNS));
}

/** `direct`: multiply-adds of the direct form for a pixel of the map. */
function pays(geometry: WindowGeometry, { height, width, source, columns, minTiles }: WinogradMap, direct: number): boolean {
  const { windowHeight, windowWidth, strideY, strideX, dilationY, dilationX } = geometry;
  const suits = windowHeight === 3 && windowWidth === 3 && strideY * strideX === 1 && dilationY * dilationX === 1;
  const tiles = Math.ceil(height / 4) * Math.ceil(width / 4);
  const products = source * roundUp(columns, 8);
  const transforms = TRANSFORM_WORK * (roundUp(source, 4) + roundUp(columns, 4));
  return suits && tiles >= minTiles && height * width * direct >= GAIN * tiles * (36 * products + transforms);
}

const POSITIONS = 36;
const BLOCK_TILES = 36;
const POSITION_GAP = 64;
const LINES = 576;
const BLOCK_CHANNELS = 64;

/** Floats of the panels: 36 positions of `cells`, each with a gap behind. */
export function winogradPanels(cells: number): number {
  return POSITIONS * (cells + POSITION_GAP / 4);
}

/** Bytes for one thread: plans, lines, a patch of 6 x 6 pixels, a block's transformed input, its products in up to 64 columns. */
export function winogradScratch(source: number, columns: number): number {
  const pixel = 4 * roundUp(source, 4);
  return 320 + LINES + POSITIONS * pixel + blockBytes(pixel) + blockBytes(4 * Math.min(64, roundUp(columns, 8)));
}

/** Bytes for one thread: pointers and plan, lines, a patch, both transforms of a block of tiles, sums of up to 64 x 64 weights. */
export function winogradGradientScratch(inChannels: number, outChannels: number): number {
  const input = 4 * blockChannels(inChannels, 4);
  const outputGrad = 4 * blockChannels(outChannels, 8);
  const sums = POSITIONS * ((input / 4) * outputGrad + POSITION_GAP);
  return 1232 + LINES + POSITIONS * Math.max(input, outputGrad) + blockBytes(input) + blockBytes(outputGrad) + sums;
}

function blockBytes(row: number): number {
  return POSITIONS * (BLOCK_TILES * row + POSITION_GAP);
}

function blockChannels(channels: number, multiple: number): number {
  return roundUp(Math.ceil(channels / Math.ceil(channels / BLOCK_CHANNELS)), multiple);
}

export function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}
