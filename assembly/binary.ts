import { Binary, BinaryOutput, RunHeader, RUN_HEADER, Write } from "./records";
import { f32At, LANES, storeUpTo } from "./lanes";
import { hasWholeRows, pixelPtr } from "./tensor";
import { firstOf } from "./share";

/** output [batch, height, width, channels] ← or += left ∘ right; an operand with strides of 0 is broadcast. */
export function binaryOutput(record: BinaryOutput, write: Write, thread: i32, threads: i32): void {
  if (record.kind == Binary.add) combine<Add>(record, write, thread, threads);
  else combine<Multiply>(record, write, thread, threads);
}

@final
@unmanaged
class Add {
  // @ts-ignore: decorator
  @inline
  apply(left: v128, right: v128): v128 {
    return f32x4.add(left, right);
  }
}

@final
@unmanaged
class Multiply {
  // @ts-ignore: decorator
  @inline
  apply(left: v128, right: v128): v128 {
    return f32x4.mul(left, right);
  }
}

function combine<Op>(record: BinaryOutput, write: Write, thread: i32, threads: i32): void {
  const left = record.left;
  const right = record.right;
  const output = record.output;
  const whole = hasWholeRows(left) && hasWholeRows(right) && hasWholeRows(output);
  const run = whole ? output.width * output.channels : output.channels;
  const runs = whole ? 1 : output.width;
  const rows = changetype<RunHeader>(RUN_HEADER).batch * output.height;
  const end = firstOf(rows, thread + 1, threads);
  for (let row = firstOf(rows, thread, threads); row < end; row++) {
    const image = row / output.height;
    const y = row - image * output.height;
    let leftPtr = pixelPtr(left, image, y, 0);
    let rightPtr = pixelPtr(right, image, y, 0);
    let to = pixelPtr(output, image, y, 0);
    for (let i = 0; i < runs; i++) {
      if (write == Write.add) addCombined<Op>(leftPtr, rightPtr, to, run);
      else storeCombined<Op>(leftPtr, rightPtr, to, run);
      leftPtr = f32At(leftPtr, left.pixelStride);
      rightPtr = f32At(rightPtr, right.pixelStride);
      to = f32At(to, output.pixelStride);
    }
  }
}

function storeCombined<Op>(left: usize, right: usize, to: usize, count: i32): void {
  const op = changetype<Op>(0);
  for (let i = 0; i < count; i += LANES) {
    storeUpTo(f32At(to, i), op.apply(v128.load(f32At(left, i), 0), v128.load(f32At(right, i), 0)), count - i);
  }
}

function addCombined<Op>(left: usize, right: usize, to: usize, count: i32): void {
  const op = changetype<Op>(0);
  for (let i = 0; i < count; i += LANES) {
    const combined = op.apply(v128.load(f32At(left, i), 0), v128.load(f32At(right, i), 0));
    storeUpTo(f32At(to, i), f32x4.add(v128.load(f32At(to, i), 0), combined), count - i);
  }
}
