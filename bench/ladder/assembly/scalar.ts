import { f32At } from "../../../assembly/lanes";

/** The obvious loops, one product at a time. Every addition waits for the one before. */
export function scalar(input: usize, weight: usize, bias: usize, output: usize, size: i32, inChannels: i32, outChannels: i32): void {
  const inputRow = (size + 2) * inChannels;
  const run = 3 * inChannels;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      for (let outChannel = 0; outChannel < outChannels; outChannel++) {
        let sum = load<f32>(f32At(bias, outChannel));
        let weightPtr = f32At(weight, outChannel);
        for (let windowY = 0; windowY < 3; windowY++) {
          let inputPtr = f32At(input, (y + windowY) * inputRow + x * inChannels);
          for (let k = run; k > 0; k--) {
            sum += load<f32>(inputPtr) * load<f32>(weightPtr);
            inputPtr += 4;
            weightPtr += outChannels << 2;
          }
        }
        store<f32>(output, sum);
        output += 4;
      }
    }
  }
}
