/** The two steps in JavaScript. */
import type { ConvCase, ConvData } from "../cases.ts";
import { conv2dOutput } from "../js/conv2d.ts";
import { planConv2d } from "../js/conv2dPlan.ts";

/** output [outSize, outSize, outChannels] as the definition has it; what lies outside the image is left out. */
export function obvious(conv: ConvCase, { input, weight, bias }: ConvData): { run: () => void; output: Float32Array } {
  const { size, outSize, inChannels, outChannels, window, padding } = conv;
  const output = new Float32Array(outSize * outSize * outChannels);
  const run = () => {
    for (let outY = 0; outY < outSize; outY++)
      for (let outX = 0; outX < outSize; outX++)
        for (let outChannel = 0; outChannel < outChannels; outChannel++) {
          let sum = bias[outChannel];
          for (let windowY = 0; windowY < window; windowY++)
            for (let windowX = 0; windowX < window; windowX++) {
              const y = outY + windowY - padding;
              const x = outX + windowX - padding;
              if (y < 0 || y >= size || x < 0 || x >= size) continue;
              for (let inChannel = 0; inChannel < inChannels; inChannel++)
                sum +=
                  input[(y * size + x) * inChannels + inChannel] *
                  weight[((windowY * window + windowX) * inChannels + inChannel) * outChannels + outChannel];
            }
          output[(outY * outSize + outX) * outChannels + outChannel] = sum;
        }
  };
  return { run, output };
}

/** bench/js without Winograd: patches packed, 4x4 sums in locals. */
export function tuned(conv: ConvCase, data: ConvData): { run: () => void; output: Float32Array } {
  const { size, inChannels, outChannels, window, stride, padding, groups } = conv;
  const geometry = { window: [window, window], padding: [padding, padding], stride, groups } as const;
  const plan = planConv2d({ height: size, width: size, inChannels, outChannels, ...geometry }, "direct");
  const output = new Float32Array(conv.outSize ** 2 * outChannels);
  return { run: () => conv2dOutput(plan, { ...data, output }, 1), output };
}
