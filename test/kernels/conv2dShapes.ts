/** Hostile shapes of convolutions: unequal primes, channels 1..17, every mix of stride, dilation, window and padding. */
import { Algorithm } from "../../build/records.ts";
import type { Geometry } from "./conv2dCase.ts";

export const base: Geometry = { batch: 2, height: 5, width: 7, inChannels: 5, outChannels: 9, window: [3, 3], pad: [1, 1, 1, 1] };
export const pad = [1, 0, 2, 1] as [number, number, number, number];

function pair(text: string): [number, number] {
  return text.split(",").map(Number) as [number, number];
}

export const channels = Array.from({ length: 17 }, (_, i): Geometry => ({ ...base, inChannels: i + 1, outChannels: 17 - i }));
const windows = ["1,1", "3,3", "5,3", "2,2"].flatMap((window) =>
  ["1,1", "2,2", "3,2", "1,3"].flatMap((stride) =>
    (window === "1,1" ? ["1,1"] : ["1,1", "2,1", "2,2"]).map(
      (dilation): Geometry => ({ ...base, height: 11, width: 8, window: pair(window), stride: pair(stride), dilation: pair(dilation), pad }),
    ),
  ),
);
export const groups: Geometry[] = [
  { ...base, inChannels: 6, outChannels: 10, groups: 2 },
  { ...base, inChannels: 9, outChannels: 6, groups: 3, stride: [2, 1] },
  { ...base, inChannels: 16, outChannels: 48, groups: 2 },
  { ...base, inChannels: 5, outChannels: 10, groups: 5, pad, dilation: [2, 1] },
  { ...base, inChannels: 7, outChannels: 7, groups: 7 },
];
const depthwise = [1, 3, 4, 5, 7, 8, 9, 12, 16, 17].flatMap((count): Geometry[] => {
  const each = { ...base, inChannels: count, outChannels: count, groups: count, algorithm: Algorithm.depthwise };
  return [each, { ...each, stride: [2, 3], pad }, { ...each, height: 13, window: [5, 3], stride: [1, 2], dilation: [2, 1] }];
});
/** Several columns a channel, around the 8 of a tile and the 4 channels that it reads at most: forward alone. */
const multiplied = [2, 3, 4, 5, 7, 8, 9, 17].flatMap((multiplier): Geometry[] =>
  [2, 3, 5, 9].flatMap((count) => {
    const each = { ...base, inChannels: count, outChannels: count * multiplier, groups: count, algorithm: Algorithm.depthwise };
    return [each, { ...each, height: 13, window: [5, 3], stride: [1, 2], dilation: [2, 1], sliced: true }];
  }),
);
/** Rows on both sides of the blocks of 6, 7 and 8 pixels that depthwise convolutions take, and of spans of two and three. */
const spans = [3, 5, 6, 7, 8, 9, 13, 14, 16, 18, 20, 21, 24, 37].flatMap((width): Geometry[] => {
  const each = { ...base, height: 4, width, inChannels: 6, outChannels: 6, groups: 6, algorithm: Algorithm.depthwise };
  return [
    each,
    { ...each, stride: [1, 2] },
    { ...each, window: [3, 5], pad: [1, 1, 2, 2], sliced: true },
    { ...each, window: [5, 5], stride: [2, 2], pad: [2, 2, 2, 2] },
    { ...each, stride: [1, 2], dilation: [1, 2], pad: [1, 1, 2, 2] },
  ];
});
/** Windows of short runs: on both sides of a tile's turns of 3 and 4 steps, with rows that do not fill a tile. */
const shortRuns = [1, 2, 3, 5].flatMap((inChannels): Geometry[] => {
  const each = { ...base, height: 13, width: 17, inChannels, outChannels: 19 };
  return [
    each,
    { ...each, window: [5, 5], stride: [2, 2], pad },
    { ...each, window: [5, 3], dilation: [1, 2], outChannels: 8 },
    { ...each, window: [1, 3], pad: [0, 0, 0, 0], sliced: true },
    { ...each, height: 2, width: 3 },
  ];
});
/** Rows around the heights of the tiles, 4 and 6, with whole and with partial columns. */
const rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 119, 120, 121, 122, 125, 126, 128].flatMap((width): Geometry[] => {
  const each = { ...base, batch: 1, height: 1, width, inChannels: 3, window: [1, 1] as [number, number], pad: [0, 0, 0, 0] as [0, 0, 0, 0] };
  return [
    { ...each, outChannels: 16 },
    { ...each, outChannels: 13 },
  ];
});
export const special: Geometry[] = [
  { ...base, window: [5, 7], pad: [0, 0, 0, 0], outChannels: 10 },
  { ...base, window: [5, 7], pad: [0, 0, 0, 0], sliced: true },
  { ...base, sliced: true },
  { ...base, sliced: true, stride: [2, 2], inChannels: 16, outChannels: 8 },
  { ...base, sliced: true, inChannels: 7, outChannels: 7, groups: 7, algorithm: Algorithm.depthwise },
  { ...base, sliced: true, inChannels: 6, outChannels: 10, groups: 2 },
  { ...base, capacity: 4 },
  { ...base, batch: 3, height: 13, width: 17, inChannels: 9, outChannels: 17 },
  { ...base, height: 3, width: 3, inChannels: 3, outChannels: 137, window: [1, 1], pad: [0, 0, 0, 0] },
  { ...base, batch: 5, height: 1, width: 1, inChannels: 37, outChannels: 19, window: [1, 1], pad: [0, 0, 0, 0] },
  { ...base, batch: 1, height: 1, width: 1, inChannels: 37, outChannels: 45, window: [1, 1], pad: [0, 0, 0, 0] },
  { ...base, batch: 1, height: 1, width: 1, inChannels: 37, outChannels: 29, window: [1, 1], pad: [0, 0, 0, 0] },
  { ...base, batch: 1, height: 1, width: 1, inChannels: 8, outChannels: 58, window: [1, 1], pad: [0, 0, 0, 0], groups: 2 },
  { ...base, batch: 1, height: 1, width: 1, inChannels: 90, outChannels: 144, window: [1, 1], pad: [0, 0, 0, 0], groups: 2 },
  { ...base, batch: 1, height: 3, width: 2, inChannels: 90, outChannels: 40, window: [3, 2], pad: [0, 0, 0, 0], sliced: true },
  { ...base, batch: 5, height: 1, width: 1, inChannels: 2501, outChannels: 37, window: [1, 1], pad: [0, 0, 0, 0] },
  { ...base, batch: 3, height: 1, width: 1, inChannels: 11, outChannels: 2501, window: [1, 1], pad: [0, 0, 0, 0] },
  { ...base, height: 2, width: 1, window: [3, 3], stride: [3, 3] },
  { ...base, height: 9, width: 9, window: [5, 5], pad: [4, 4, 4, 4] },
  { ...base, inChannels: 256, outChannels: 256, groups: 256, algorithm: Algorithm.depthwise },
];
const geometries = [...channels, ...windows, ...groups, ...depthwise, ...spans, ...shortRuns, ...rows, ...special];

export function nameOf(g: Geometry): string {
  const { stride = [1, 1], dilation = [1, 1], groups = 1 } = g;
  const kind = g.algorithm === Algorithm.depthwise ? "depthwise" : `groups ${groups}`;
  return `${g.batch}x${g.height}x${g.width}x${g.inChannels}→${g.outChannels} window ${g.window} stride ${stride} dilation ${dilation} pad ${g.pad} ${kind}${g.sliced ? " sliced" : ""}`;
}
const withName = (geometry: Geometry): [string, Geometry] => [nameOf(geometry), geometry];
export const named = geometries.map(withName);
export const namedForward = [...geometries, ...multiplied].map(withName);
