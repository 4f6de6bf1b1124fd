import { filterOf } from "../../src/inspect/maps.ts";
import type { Figure, LinesFigure, PicturesFigure, ReportSection } from "../../src/inspect/report.ts";
import { percent } from "../../src/inspect/terminal.ts";
import { CLASSES } from "./digitsData.ts";
import { type Kind, TITLES } from "./digitsNetworks.ts";
import type { DigitsResult, Measured } from "./digitsResult.ts";

const KINDS: readonly Kind[] = ["cnn", "mlp"];

export function digitSections(digits: DigitsResult): ReportSection[] {
  return [trainingSection(digits), insideSection(digits), reasonsSection(digits), mistakesSection(digits)];
}

function trainingSection(digits: DigitsResult): ReportSection {
  const { plan, cnn, mlp } = digits;
  const row = (one: Measured) => [
    TITLES[one.kind],
    one.parameters.toLocaleString("en"),
    one.training.seconds.toFixed(1),
    Math.round(one.training.imagesPerSecond).toLocaleString("en"),
    percent(one.answers.accuracy),
  ];
  const rates = ({ kind, choice }: Measured) => [
    TITLES[kind],
    ...choice.trials.map(({ valAccuracy }) => percent(valAccuracy.at(-1)!)),
    String(choice.chosen.learningRate),
  ];
  return {
    id: "digits",
    title: "Real digits",
    text: [
      `${plan.train.toLocaleString("en")} handwritten digits of MNIST to train on, ${plan.test.toLocaleString("en")} to test with, none shifted. The MLP has one hidden layer and as many parameters as the CNN, within 5 %. Same data, ${plan.epochs} epochs of Adam with a rate that falls to 0 along a cosine, batches of ${plan.batchSize}.`,
      `Each model tried three learning rates with ${plan.validation.toLocaleString("en")} of the training digits held out, and trained anew on all of them with the best. The test digits chose nothing.`,
    ],
    figures: [
      {
        kind: "table",
        half: true,
        caption: "The final training of each, on one thread, and its accuracy on the test digits.",
        columns: ["", "parameters", "seconds", "images/s", "test accuracy"],
        rows: [row(cnn), row(mlp)],
      },
      {
        kind: "table",
        half: true,
        caption: "The choice of the learning rate: accuracy on the held-out digits after the last epoch.",
        columns: ["learning rate", ...cnn.choice.trials.map(({ learningRate }) => String(learningRate)), "chosen"],
        rows: [rates(cnn), rates(mlp)],
      },
      curves(digits, "loss"),
      curves(digits, "accuracy"),
      confusion(cnn),
      confusion(mlp),
    ],
  };
}

/** Of the trials whose learning rate was chosen: those have held-out digits. */
function curves({ plan, cnn, mlp }: DigitsResult, what: "loss" | "accuracy"): LinesFigure {
  const epochs = Array.from({ length: plan.epochs }, (_, epoch) => epoch + 1);
  const curvesOf = ({ kind, choice: { chosen } }: Measured, color: 0 | 1) => [
    { name: `${TITLES[kind]} trained`, values: chosen[what], color },
    { name: `${TITLES[kind]} held out`, values: what === "loss" ? chosen.valLoss : chosen.valAccuracy, color, dashed: true },
  ];
  return {
    kind: "lines",
    caption: `${what === "loss" ? "Loss" : "Accuracy"} after each epoch, with the chosen learning rates, on ${plan.train - plan.validation} digits trained on and ${plan.validation} held out. The training figure is a mean over the epoch, while the weights still move.`,
    x: { label: "epoch", values: epochs },
    y: { label: what, format: what === "loss" ? "decimal" : "percent", ...(what === "loss" ? { from: 0 } : { to: 1 }) },
    series: [...curvesOf(cnn, 0), ...curvesOf(mlp, 1)],
  };
}

function confusion({ kind, answers }: Measured): Figure {
  const labels = Array.from({ length: CLASSES }, (_, digit) => String(digit));
  const wrong = answers.guesses.length - answers.confusion.reduce((sum, row, digit) => sum + row[digit]!, 0);
  return {
    kind: "matrix",
    caption: `${TITLES[kind]}: ${wrong} of ${answers.guesses.length} test digits wrong. Rows are the truth, columns the answers; orange marks mistakes.`,
    labels,
    counts: answers.confusion,
  };
}

function insideSection({ drawings }: DigitsResult): ReportSection {
  const { filters, example, saliency } = drawings;
  const count = filters.shape.at(-1)!;
  const filterPictures: PicturesFigure = {
    kind: "pictures",
    caption: "The filters of the first convolution, as learnt. Blue weights are negative, orange positive; each filter has its own scale.",
    rows: [
      {
        size: "small",
        pictures: Array.from({ length: count }, (_, filter) => ({
          map: filterOf(filters, 0, filter),
          signed: true,
          alt: `Filter ${filter + 1} of ${count}`,
        })),
      },
    ],
  };
  const maps: PicturesFigure = {
    kind: "pictures",
    caption: `One ${example.digit} on its way through the CNN, after ReLU. Full ink is a strong answer; all maps of a layer share one scale.`,
    rows: [
      { label: "image, 28×28", size: "large", pictures: [{ map: example.image, alt: `A handwritten ${example.digit}` }] },
      ...example.layers.map(({ name, maps: layerMaps }) => {
        const full = Math.max(...layerMaps.flatMap(({ data }) => Array.from(data)));
        const { height, width } = layerMaps[0]!;
        const pictures = layerMaps.map((map, channel) => ({ map, full, signed: false, alt: `${name}, map ${channel + 1} of ${layerMaps.length}` }));
        return { label: `${name}, ${layerMaps.length} maps of ${height}×${width}`, size: "small" as const, pictures };
      }),
    ],
  };
  const salient: PicturesFigure = {
    kind: "pictures",
    caption:
      "Saliency: how the probability of the right digit would change if a pixel got more ink. Orange: it rises. Blue: it falls. Each picture has its own scale.",
    rows: [
      { label: "digit", size: "medium", pictures: saliency.map(({ digit, image }) => ({ map: image, alt: `A handwritten ${digit}` })) },
      {
        label: "CNN",
        size: "medium",
        pictures: saliency.map(({ digit, cnn }) => ({ map: cnn, signed: true, alt: `Saliency of the CNN for a ${digit}` })),
      },
      {
        label: "MLP",
        size: "medium",
        pictures: saliency.map(({ digit, mlp }) => ({ map: mlp, signed: true, alt: `Saliency of the MLP for a ${digit}` })),
      },
    ],
  };
  return {
    id: "inside",
    title: "Inside the CNN",
    text: ["What it learnt to look for, what it sees in one digit, and which pixels decide."],
    figures: [filterPictures, maps, salient],
  };
}

function reasonsSection({ cnn, mlp, drawings, plan }: DigitsResult): ReportSection {
  const both = { cnn, mlp };
  const layerRows = ({ kind, layers }: Measured) =>
    layers.map(({ name, shape, values, fanIn, parameters }) => [
      `${TITLES[kind]} ${name}`,
      shape.join("×"),
      values.toLocaleString("en"),
      fanIn === null ? "" : String(fanIn),
      parameters.toLocaleString("en"),
    ]);
  const inputsOf = (one: Measured) => one.layers.find(({ name }) => name === "hidden")!.fanIn!;
  return {
    id: "reasons",
    title: "Three reasons for convolutions, measured",
    text: [
      `*Fewer inputs.* A hidden unit of the MLP looks at ${inputsOf(mlp)} pixels, a unit of the first convolution at ${cnn.layers.find(({ name }) => name === "conv1")!.fanIn}; behind the pooling ${inputsOf(cnn)} values are left for the CNN's fully connected layer.`,
      `*Small shifts.* At two pixels the CNN is at ${percent(cnn.shiftAccuracy[2]!)}, the MLP at ${percent(mlp.shiftAccuracy[2]!)}; at four, ${percent(cnn.shiftAccuracy[4]!)} and ${percent(mlp.shiftAccuracy[4]!)}.`,
      `*Correlated pixels.* With the pixels of all digits in one and the same random order and both trained again, with the learning rates chosen above: the CNN goes from ${percent(cnn.answers.accuracy)} to ${percent(cnn.permutedAccuracy)}, the MLP goes from ${percent(mlp.answers.accuracy)} to ${percent(mlp.permutedAccuracy)}.`,
    ],
    figures: [
      {
        kind: "lines",
        caption: `Accuracy on test digits moved by 0 to 4 pixels: mean over eight directions, empty paper comes in (${Math.min(plan.shifts, plan.test).toLocaleString("en")} digits).`,
        x: { label: "shift in pixels", values: [0, 1, 2, 3, 4] },
        y: { label: "accuracy", format: "percent", from: 0, to: 1 },
        series: KINDS.map((kind) => ({ name: TITLES[kind], values: both[kind].shiftAccuracy })),
      },
      {
        kind: "bars",
        caption: "Test accuracy of both models, trained on digits as written and on digits with permuted pixels.",
        labels: ["as written", "permuted pixels"],
        format: "percent",
        to: 1,
        series: KINDS.map((kind) => ({ name: TITLES[kind], values: [both[kind].answers.accuracy, both[kind].permutedAccuracy] })),
      },
      {
        kind: "pictures",
        half: true,
        caption: "The same digit as written and permuted. No pixel is lost, but neighbours are strangers.",
        rows: [
          {
            size: "large",
            pictures: [
              { map: drawings.example.image, alt: `A handwritten ${drawings.example.digit}` },
              { map: drawings.scrambledImage, alt: "The same pixels in random order: noise" },
            ],
          },
        ],
      },
      {
        kind: "table",
        half: true,
        caption: "Parameters and values of each layer.",
        columns: ["layer", "shape", "values", "inputs of one unit", "parameters"],
        rows: [...layerRows(cnn), ...layerRows(mlp)],
      },
    ],
  };
}

function mistakesSection({ drawings, cnn }: DigitsResult): ReportSection {
  const { mistakes } = drawings;
  const pictures = mistakes.map(({ image, truth, answer, sure }) => ({
    map: image,
    title: `a ${truth}, taken for ${answer} (${percent(sure)})`,
    alt: `A handwritten ${truth} that the CNN takes for a ${answer}`,
  }));
  return {
    id: "mistakes",
    title: "The CNN’s worst mistakes",
    text: mistakes.length
      ? ["The test digits to whose right answer it gave the smallest probability."]
      : [`None: all ${cnn.answers.guesses.length} test digits are right.`],
    figures: mistakes.length
      ? [{ kind: "pictures", caption: "In brackets: how sure it was of the wrong answer.", rows: [{ size: "medium", pictures }] }]
      : [],
  };
}
