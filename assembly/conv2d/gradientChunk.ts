/** A chunk of pixels over which weight gradients sum: pointers of the pixels, offsets of what each weight meets there. */
import { Conv2dWeightGrad } from "../records";
import { RowView, TABLE_BYTES, fillPointers, viewPixels } from "../rowView";

/** Scratch of a thread: two views, four offsets, tables of pointers into the input and outputGrad. */
const OUTPUT_GRAD_VIEW: usize = 32;
export const OFFSETS: usize = 64;
export const TABLES: usize = 80;
export const CHUNK_BYTES: usize = TABLES + 2 * TABLE_BYTES;

/** Fills the tables for pixels [first, first + count) of the batch: where each window begins, and the pixel of outputGrad. */
export function fillChunk(scratch: usize, record: Conv2dWeightGrad, first: i32, count: i32): void {
  const outputGrad = record.outputGrad;
  const inputView = changetype<RowView>(scratch);
  const outputGradView = changetype<RowView>(scratch + OUTPUT_GRAD_VIEW);
  viewPixels(inputView, record.input, -record.padTop, -record.padLeft, record.strideY, record.strideX);
  viewPixels(outputGradView, outputGrad, 0, 0, 1, 1);
  inputView.height = outputGradView.height = outputGrad.height;
  inputView.width = outputGradView.width = outputGrad.width;
  fillPointers(scratch + TABLES, inputView, first, count);
  fillPointers(scratch + TABLES + TABLE_BYTES, outputGradView, first, count);
}

/**
 * Stores the bytes from a window's begin to what `count` (at most 4) rows (windowY, windowX, inChannel) of the weight meet, the
 * last repeated. Through memory, because V8 would move these divisions into the loops over pixels that use them.
 */
export function storeOffsets(scratch: usize, record: Conv2dWeightGrad, firstChannel: i32, row: i32, count: i32, inChannels: i32): void {
  const input = record.input;
  for (let i = 0; i < 4; i++) {
    const tap = row / inChannels;
    const windowY = tap / record.windowWidth;
    const windowX = tap - windowY * record.windowWidth;
    const inChannel = firstChannel + row - tap * inChannels;
    const offset = windowY * record.dilationY * input.rowStride + windowX * record.dilationX * input.pixelStride + inChannel;
    store<usize>(scratch + (<usize>i << 2), offset << 2, OFFSETS);
    if (i + 1 < count) row++;
  }
}
