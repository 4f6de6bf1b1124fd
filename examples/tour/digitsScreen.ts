import { block, captioned, gallery, stacked, table } from "../../src/inspect/blocks.ts";
import type { Map2d } from "../../src/inspect/maps.ts";
import { halfBlocks, percent } from "../../src/inspect/terminal.ts";
import { countOf, digitPicture } from "./digitsData.ts";
import type { Drawings } from "./digitsDrawings.ts";
import { type Kind, type LayerLine, TITLES } from "./digitsNetworks.ts";
import type { Answers } from "./digitsReasons.ts";
import type { DigitsPlan, DigitsResult, Measured, Sets, Trained } from "./digitsResult.ts";
import { LEARNING_RATES } from "./digitsTraining.ts";
import type { Screen } from "./screen.ts";

export function introduce(sets: Sets, plan: DigitsPlan, screen: Screen): void {
  const { depth } = screen;
  screen.say(
    `Handwritten digits from MNIST, 28x28 grey pixels: ${countOf(sets.train)} to train on, ${countOf(sets.test)} to test with, split by seed ${plan.seed}. ` +
      "No digit is shifted for training.",
  );
  const pictures = Array.from({ length: 3 }, (_, index) => ({
    picture: halfBlocks(digitPicture(sets.train, index), { depth }),
    title: String(sets.train.y[index]),
  }));
  screen.show(gallery(pictures, screen.width - 2, depth));
  screen.say(
    `A CNN and an MLP of the same size (within 5 % of the parameters), the same data, ${plan.epochs} epochs of Adam with a rate that falls to 0, batches of ${plan.batchSize}. ` +
      `Each tries the learning rates ${LEARNING_RATES.join(", ")} on ${countOf(sets.train) - plan.validation} digits and keeps the one that does best on the other ${plan.validation}. ` +
      "Then it trains anew on all of them. The test digits choose nothing.",
  );
}

export function showTest(trained: Record<Kind, Trained>, answers: Record<Kind, Answers>, screen: Screen): void {
  screen.subheading("Test digits");
  const rows = (["cnn", "mlp"] as const).map((kind) => {
    const { parameters, seconds, imagesPerSecond } = trained[kind];
    return [
      TITLES[kind],
      parameters.toLocaleString("en"),
      seconds.toFixed(1),
      Math.round(imagesPerSecond).toLocaleString("en"),
      percent(answers[kind].accuracy),
    ];
  });
  screen.show(table(["", "parameters", "seconds", "images/s", "test accuracy"], rows, screen.depth));
}

export function showExample({ example, mistakes }: Drawings, screen: Screen): void {
  const { depth } = screen;
  screen.subheading(`What the CNN makes of one ${example.digit}: the first three maps of each layer`);
  const rowOf = (name: string, maps: readonly Map2d[]) =>
    captioned(
      maps
        .slice(0, 3)
        .map((map, index) => ({ picture: halfBlocks(map, { depth }), title: index === 0 ? `${name}, ${map.height}x${map.width}` : "" })),
      depth,
    );
  const image = captioned([{ picture: halfBlocks(example.image, { depth }), title: "image, 28x28" }], depth);
  screen.show(stacked([image, ...example.layers.flatMap(({ name, maps }) => [block([""]), rowOf(name, maps)])]));
  if (mistakes.length === 0) return;
  screen.subheading("Its worst mistakes");
  const pictures = mistakes.slice(0, 3).map(({ image: map, truth, answer, sure }) => ({
    picture: halfBlocks(map, { depth }),
    title: `a ${truth}, taken for ${answer}`,
    note: `${percent(sure)} sure`,
  }));
  screen.show(gallery(pictures, screen.width - 2, depth));
}

export function showLayers(trained: Record<Kind, Trained>, screen: Screen): void {
  screen.subheading("Reason 1: fewer inputs");
  for (const kind of ["cnn", "mlp"] as const) {
    const rows = trained[kind].layers.map(({ name, shape, values, parameters, fanIn }) => [
      name,
      shape.join("x"),
      String(values),
      fanIn === null ? "" : String(fanIn),
      parameters.toLocaleString("en"),
    ]);
    screen.show(table([TITLES[kind], "shape", "values", "inputs of one unit", "parameters"], rows, screen.depth));
  }
  const { cnn, mlp } = trained;
  const fanIn = (lines: readonly LayerLine[], name: string) => lines.find((line) => line.name === name)!.fanIn!;
  const conv = cnn.layers.find(({ name }) => name === "conv1")!;
  screen.say(
    `A unit of the MLP's hidden layer looks at all ${fanIn(mlp.layers, "hidden")} pixels. One of the first convolution looks at ${fanIn(cnn.layers, "conv1")}, ` +
      `and shares its weights with all others of its map: ${conv.parameters.toLocaleString("en")} parameters make ${conv.values.toLocaleString("en")} values. ` +
      `Pooling makes fewer of them: the CNN's fully connected layer gets ${fanIn(cnn.layers, "hidden")} inputs, the MLP's ${fanIn(mlp.layers, "hidden")}.`,
  );
}

export function shiftVerdict({ cnn, mlp }: Record<Kind, number[]>): string {
  const lead = cnn.map((accuracy, shift) => (accuracy - mlp[shift]!) * 100);
  const largest = lead.indexOf(Math.max(...lead));
  return (
    `Two pixels cost the CNN ${((cnn[0]! - cnn[2]!) * 100).toFixed(1)} points and the MLP ${((mlp[0]! - mlp[2]!) * 100).toFixed(1)}. ` +
    `The lead of the CNN is largest at ${largest} px: ${lead[largest]!.toFixed(1)} points. Pooling tolerates small shifts, not all of them: at 4 px the CNN is at ${percent(cnn[4]!)}.`
  );
}

export function conclude({ cnn, mlp }: DigitsResult, screen: Screen): void {
  const row = ({ kind, answers, permutedAccuracy }: Measured) => [TITLES[kind], percent(answers.accuracy), percent(permutedAccuracy)];
  screen.show(table(["test accuracy", "as written", "permuted"], [row(cnn), row(mlp)], screen.depth));
  const lead = (a: number, b: number) =>
    a >= b ? `leads by ${((a - b) * 100).toFixed(1)} points` : `is ${((b - a) * 100).toFixed(1)} points behind`;
  screen.say(
    `On digits as written the CNN ${lead(cnn.answers.accuracy, mlp.answers.accuracy)}; on permuted ones it ${lead(cnn.permutedAccuracy, mlp.permutedAccuracy)}. ` +
      "The MLP never knew which pixels are neighbours. The CNN is built on it.",
  );
}
