import { channelOf, type Map2d } from "../../src/inspect/maps.ts";
import { type Digits, digitPicture, digitPixels, PIXELS, SIDE, scrambled } from "./digitsData.ts";
import type { Kind, Model } from "./digitsNetworks.ts";
import { type Answers, exampleOfEach, type Mistake, saliencyOf, worstMistakes } from "./digitsReasons.ts";

/** What the report draws of the models, taken while they exist. */
export interface Drawings {
  readonly filters: { readonly data: ArrayLike<number>; readonly shape: readonly number[] };
  readonly example: { readonly digit: number; readonly image: Map2d; readonly layers: readonly { name: string; maps: readonly Map2d[] }[] };
  readonly saliency: readonly { digit: number; image: Map2d; cnn: Map2d; mlp: Map2d }[];
  readonly mistakes: readonly (Mistake & { image: Map2d })[];
  readonly scrambledImage: Map2d;
}

export async function draw(models: Record<Kind, Model>, answers: Record<Kind, Answers>, test: Digits, seed: number): Promise<Drawings> {
  const example = exampleOfEach(test, [answers.cnn, answers.mlp]);
  const shown = example[3]!;
  const names = ["conv1", "pool1", "conv2", "pool2"];
  const values = await models.cnn.activations(digitPixels(test, shown), names);
  const layers = names.map((name) => ({
    name,
    maps: Array.from({ length: values[name]!.shape.at(-1)! }, (_, channel) => channelOf(values[name]!, 0, channel)),
  }));
  const map = (data: Float32Array): Map2d => ({ data, height: SIDE, width: SIDE });
  const saliency = [];
  for (const index of example) {
    const of = async (model: Model) => map(await saliencyOf(model, test, index));
    saliency.push({ digit: test.y[index]!, image: digitPicture(test, index), cnn: await of(models.cnn), mlp: await of(models.mlp) });
  }
  const kernel = models.cnn.getLayer("conv1").getWeights()[0]!;
  return {
    filters: { data: Float32Array.from(kernel.data), shape: [...kernel.shape] },
    example: { digit: test.y[shown]!, image: digitPicture(test, shown), layers },
    saliency,
    mistakes: worstMistakes(answers.cnn, test, 12).map((mistake) => ({ ...mistake, image: digitPicture(test, mistake.index) })),
    scrambledImage: map(scrambled({ x: digitPixels(test, shown), y: test.y.slice(shown, shown + 1) }, seed).x.slice(0, PIXELS)),
  };
}
