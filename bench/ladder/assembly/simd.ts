import { LANES, f32At, multiplyAdd } from "../../../assembly/lanes";

/** The same loops for four output channels at a time: neighbours in weight, bias and output. outChannels: a multiple of 4. */
export function simd(input: usize, weight: usize, bias: usize, output: usize, size: i32, inChannels: i32, outChannels: i32): void {
  const inputRow = (size + 2) * inChannels;
  const run = 3 * inChannels;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let outChannel = 0; outChannel < outChannels; outChannel += LANES) {
        let sum = v128.load(f32At(bias, outChannel));
        let weightPtr = f32At(weight, outChannel);
        for (let windowY = 0; windowY < 3; windowY++) {
          let inputPtr = f32At(input, (y + windowY) * inputRow + x * inChannels);
          for (let k = run; k > 0; k--) {
            sum = multiplyAdd(v128.load32_splat(inputPtr), v128.load(weightPtr), sum);
            inputPtr += 4;
            weightPtr += outChannels << 2;
          }
        }
        v128.store(output, sum);
        output += 4 * LANES;
      }
    }
  }
}
