import type { Picture, PicturesFigure, ReportSection } from "../../src/inspect/report.ts";
import { decimal, percent } from "../../src/inspect/terminal.ts";
import { NAMES } from "./letters.ts";
import type { OxResult, Walk } from "./ox.ts";
import { LEARNING_RATE, STEPS } from "./oxNetworks.ts";
import type { Stages } from "./oxPictures.ts";

export function oxSections(ox: OxResult): ReportSection[] {
  return [walkSection(ox), tableSection(ox)];
}

function walkSection({ walks }: OxResult): ReportSection {
  const [max, mean] = walks as [Walk, Walk];
  const figures: ReportSection["figures"][number][] = walks.flatMap((walk) => [stagesFigure(walk, "before"), stagesFigure(walk, "after")]);
  const shown = max.losses.map((_, index) => index + 1).filter((step) => step === 1 || step % 10 === 0);
  figures.push({
    kind: "lines",
    caption: `Loss over ${STEPS} steps of Adam (learning rate ${LEARNING_RATE}), all ten seen images in each step.`,
    x: { label: "step", values: shown },
    y: { label: "loss", format: "decimal", from: 0 },
    series: [
      { name: "max pooling", values: shown.map((step) => max.losses[step - 1]!) },
      { name: "mean pooling", values: shown.map((step) => mean.losses[step - 1]!) },
    ],
  });
  const { step } = max;
  if (step) {
    const number = (value: number) => decimal(value, 4).replace("-", "−");
    const place = (index: number) => `${Math.floor(index / 3) + 1}, ${(index % 3) + 1}`;
    figures.push({
      kind: "table",
      half: true,
      caption:
        `One step into the untrained filter, for one ${NAMES[step.image < 5 ? 0 : 1]}. The gradient of a weight is a sum over sixteen positions: the pixel it touched times the gradient that arrived there. ` +
        `The library says the same, and so does a nudge of the weight by ±1/128. After = before − ${step.rate} × gradient; the loss of this image goes from ${decimal(step.lossBefore, 4)} to ${decimal(step.lossAfter, 4)}.`,
      columns: ["place", "sum", "gradients()", "nudge", "before", "after"],
      rows: step.sums.map((sum, index) => [
        place(index),
        ...[sum, step.library[index]!, step.nudged[index]!, step.before[index]!, step.after[index]!].map(number),
      ]),
    });
  }
  return {
    id: "o-or-x",
    title: "O or X, from a random filter",
    text: [
      "A 4×4 letter stands at one of nine places in a 6×6 image. The network sees five of the places in training. One 3×3 filter slides over the image; ReLU sets negative values to 0; pooling keeps one number of each 2×2 window. So *36 inputs became 4 per filter*.",
      "The filter starts random. Backpropagation finds it. Blue is below zero, orange above.",
    ],
    figures,
  };
}

function stagesFigure(walk: Walk, when: "before" | "after"): PicturesFigure {
  const stages = walk[when];
  return {
    kind: "pictures",
    half: true,
    caption: `${when === "before" ? "Before" : "After"} training: one filter, four hidden units, ${walk.pooling} pooling, seed ${walk.seed}. Each picture has its own scale.`,
    rows: stages.map((one) => ({
      label: `The ${NAMES[one.letter]}: ${decimal(one.probabilities[0], 3)} for O, ${decimal(one.probabilities[1], 3)} for X`,
      size: "path" as const,
      pictures: pictures(one),
    })),
  };
}

function pictures(stages: Stages): Picture[] {
  const named = (title: string, map: Picture["map"], signed: boolean): Picture => ({ title, map, signed, alt: `${title}: ${valuesOf(map)}` });
  return [
    { title: "image", map: stages.image, alt: `The letter ${NAMES[stages.letter]} in a 6×6 image` },
    named("filter", stages.filter, true),
    named("map", stages.featureMap, true),
    named("ReLU", stages.rectified, true),
    named("pooled", stages.pooled, true),
  ];
}

function valuesOf({ data, width }: Picture["map"]): string {
  const texts = Array.from(data, (value) => decimal(value, 1));
  return Array.from({ length: texts.length / width }, (_, row) => texts.slice(row * width, (row + 1) * width).join(" ")).join("; ");
}

function tableSection({ rows, seeds, overlap, mlp, max }: OxResult): ReportSection {
  const unlucky = rows[0]!.trials.filter(({ cause }) => cause);
  const count = (cause: string) => unlucky.filter((one) => one.cause === cause).length;
  return {
    id: "seeds",
    title: `The same for seeds 1 to ${seeds}`,
    text: [
      `Four filters with max pooling get *${percent(max.unseen)}* of the letters at places they never saw; the MLP gets ${percent(mlp.seen)} of the seen images and *${percent(mlp.unseen)}* of the unseen. It learns which pixels, not which shape: a letter at an unseen place has on average ${decimal(overlap.sameLetter, 2)} pixels in common with a seen image of the same letter, and ${decimal(overlap.otherLetter, 2)} with one of the other.`,
      `Not every seed is lucky. With one filter and one hidden unit, max pooling, ${unlucky.length} of ${seeds} do not learn the seen images: ${count("born dead")} were born dead (a ReLU that answers 0 to every image before the first step: its slope is 0, no gradient passes back, nothing can wake it), ${count("died in training")} died in training, ${count("alive, but stuck")} are alive but stuck.`,
    ],
    figures: [
      {
        kind: "table",
        half: true,
        caption: `Means over ${seeds} seeds; a coin would get 50 %. “Learnt” counts the seeds that get every seen image right.`,
        columns: ["network", "weights", "learnt", "seen", "unseen"],
        rows: rows.map((row) => [row.name, String(row.parameters), `${row.learnt} of ${seeds}`, percent(row.seen), percent(row.unseen)]),
      },
      {
        kind: "bars",
        caption: "Accuracy on letters at places seen in training and at the places between them.",
        labels: ["4 filters, max", "4 filters, mean", "MLP"],
        format: "percent",
        to: 1,
        series: [
          { name: "seen", values: rows.slice(4).map((row) => row.seen) },
          { name: "unseen", values: rows.slice(4).map((row) => row.unseen) },
        ],
      },
    ],
  };
}
