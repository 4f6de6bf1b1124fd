import { Activation, Pooling, Write } from "../../../build/records.ts";
import type { PlainKernel, PlainMemory } from "./memory.ts";
import { eachPixel, elementIndex } from "./tensor.ts";

/** Rows or columns [start, end) of a window inside the image, and where its unclipped first one would be. */
function clip(outIndex: number, stride: number, pad: number, window: number, size: number) {
  const origin = outIndex * stride - pad;
  return { origin, start: Math.max(origin, 0), end: Math.min(origin + window, size) };
}

/** output [batch, outHeight, outWidth, channels] ← max or mean over each window, clipped to the image. */
export const pool2dOutput: PlainKernel<"pool2dOutput"> = (record, { floats, bytes, words, run }) => {
  const { input, output, argmax } = record;
  eachPixel(output, run.batch, (image, outY, outX) => {
    const rows = clip(outY, record.strideY, record.padTop, record.windowHeight, input.height);
    const columns = clip(outX, record.strideX, record.padLeft, record.windowWidth, input.width);
    const to = elementIndex(output, image, outY, outX);
    const cells = ((image * output.height + outY) * output.width + outX) * output.channels;
    for (let channel = 0; channel < output.channels; channel++) {
      let sum = 0;
      let largest = floats[elementIndex(input, image, rows.start, columns.start) + channel];
      let largestCell = (rows.start - rows.origin) * record.windowWidth + columns.start - columns.origin;
      for (let y = rows.start; y < rows.end; y++) {
        for (let x = columns.start; x < columns.end; x++) {
          const value = floats[elementIndex(input, image, y, x) + channel];
          sum += value;
          if (value > largest) largestCell = (y - rows.origin) * record.windowWidth + x - columns.origin;
          if (value > largest || Number.isNaN(value)) largest = value;
        }
      }
      const mean = sum / ((rows.end - rows.start) * (columns.end - columns.start));
      floats[to + channel] = record.kind === Pooling.max ? largest : mean;
      if (record.kind !== Pooling.max || argmax === null) continue;
      if (record.activation === Activation.relu && largest <= 0) largestCell = -1;
      if (record.argmaxBytes === 1) bytes[argmax + cells + channel] = largestCell;
      else words[argmax / 4 + cells + channel] = largestCell;
    }
  });
};

/** inputGrad [batch, height, width, channels] ← or += what each window of outputGrad gives its cells. */
export const pool2dInputGrad: PlainKernel<"pool2dInputGrad"> = (record, memory) => {
  const { outputGrad, inputGrad, argmax } = record;
  const { floats, bytes, words, run } = memory;
  if (record.write === Write.overwrite) clear(record, memory);
  eachPixel(outputGrad, run.batch, (image, outY, outX) => {
    const rows = clip(outY, record.strideY, record.padTop, record.windowHeight, inputGrad.height);
    const columns = clip(outX, record.strideX, record.padLeft, record.windowWidth, inputGrad.width);
    const from = elementIndex(outputGrad, image, outY, outX);
    const cells = ((image * outputGrad.height + outY) * outputGrad.width + outX) * outputGrad.channels;
    for (let channel = 0; channel < outputGrad.channels; channel++) {
      const gradient = floats[from + channel];
      if (record.kind === Pooling.max) {
        const cell = record.argmaxBytes === 1 ? bytes[argmax + cells + channel] : words[argmax / 4 + cells + channel];
        if (cell >= record.windowHeight * record.windowWidth || cell < 0) continue;
        const y = rows.origin + Math.floor(cell / record.windowWidth);
        const x = columns.origin + (cell % record.windowWidth);
        floats[elementIndex(inputGrad, image, y, x) + channel] += gradient;
        continue;
      }
      const share = gradient / ((rows.end - rows.start) * (columns.end - columns.start));
      for (let y = rows.start; y < rows.end; y++) {
        for (let x = columns.start; x < columns.end; x++) floats[elementIndex(inputGrad, image, y, x) + channel] += share;
      }
    }
  });
};

const clear: PlainKernel<"pool2dInputGrad"> = ({ inputGrad }, { floats, run }: PlainMemory) => {
  eachPixel(inputGrad, run.batch, (image, y, x) => {
    const at = elementIndex(inputGrad, image, y, x);
    floats.fill(0, at, at + inputGrad.channels);
  });
};
