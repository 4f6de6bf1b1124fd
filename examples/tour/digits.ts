import { flow, table } from "../../src/inspect/blocks.ts";
import { halfBlocks, percent } from "../../src/inspect/terminal.ts";
import { countOf, digitPicture, loadDigits, scrambled, shifted } from "./digitsData.ts";
import { draw } from "./digitsDrawings.ts";
import { type Kind, layerLines, TITLES } from "./digitsNetworks.ts";
import { answersOf, firstDigits, shiftAccuracy } from "./digitsReasons.ts";
import type { DigitsPlan, DigitsResult, Measured, Sets, Trained } from "./digitsResult.ts";
import { conclude, introduce, shiftVerdict, showExample, showLayers, showTest } from "./digitsScreen.ts";
import { chooseRate, trainDigits } from "./digitsTraining.ts";
import type { Screen } from "./screen.ts";

export async function digitsTour(screen: Screen, plan: DigitsPlan): Promise<DigitsResult> {
  screen.heading("2. Real digits");
  const sets = loadDigits(plan.seed, plan);
  introduce(sets, plan, screen);
  const trained = { cnn: await train("cnn", sets, plan, screen), mlp: await train("mlp", sets, plan, screen) };
  const answers = { cnn: await answersOf(trained.cnn.model, sets.test), mlp: await answersOf(trained.mlp.model, sets.test) };
  showTest(trained, answers, screen);
  const drawings = await draw({ cnn: trained.cnn.model, mlp: trained.mlp.model }, answers, sets.test, plan.seed);
  showExample(drawings, screen);
  showLayers(trained, screen);
  const shifts = await measureShifts(trained, sets, plan, screen);
  const permuted = await measurePermuted(trained, sets, plan, screen);
  for (const { model } of Object.values(trained)) model.dispose();
  const measured = (kind: Kind): Measured => {
    const { model: _model, choice, layers, parameters, ...training } = trained[kind];
    return { kind, parameters, layers, choice, training, answers: answers[kind], shiftAccuracy: shifts[kind], permutedAccuracy: permuted[kind] };
  };
  const result = { plan, cnn: measured("cnn"), mlp: measured("mlp"), drawings };
  conclude(result, screen);
  return result;
}

async function train(kind: Kind, sets: Sets, plan: DigitsPlan, screen: Screen): Promise<Trained> {
  screen.subheading(`${TITLES[kind]}: ${kind === "cnn" ? "two convolutions with pooling, then a hidden layer" : "one hidden layer on the pixels"}`);
  const choice = await chooseRate(kind, sets.train, plan, screen);
  for (const { learningRate, valAccuracy } of choice.trials) {
    const mark = learningRate === choice.chosen.learningRate ? "  ← chosen" : "";
    screen.line(`  learning rate ${String(learningRate).padEnd(6)} held-out accuracy ${percent(valAccuracy.at(-1)!)}${mark}`);
  }
  screen.line();
  const training = await trainDigits(kind, sets.train, { ...plan, learningRate: choice.chosen.learningRate }, screen);
  return { ...training, choice, parameters: training.model.countParams(), layers: layerLines(training.model) };
}

async function measureShifts(trained: Record<Kind, Trained>, sets: Sets, plan: DigitsPlan, screen: Screen): Promise<Record<Kind, number[]>> {
  const { depth } = screen;
  screen.subheading("Reason 2: small shifts");
  const subject = firstDigits(sets.test, plan.shifts);
  const steps = [0, 2, 4].map((shift) => ({
    picture: halfBlocks(digitPicture(shifted(firstDigits(subject, 1), shift, shift), 0), { depth }),
    title: `${shift} px`,
  }));
  screen.show(flow(steps, screen.width - 2, depth));
  const measure = (kind: Kind) => shiftAccuracy(trained[kind].model, subject, (shift) => screen.status(`  ${TITLES[kind]}, shift of ${shift} px`));
  const shifts = { cnn: await measure("cnn"), mlp: await measure("mlp") };
  const rows = (["cnn", "mlp"] as const).map((kind) => [TITLES[kind], ...shifts[kind].map(percent)]);
  screen.say(`Accuracy on ${countOf(subject)} test digits, moved by so many pixels: the mean over eight directions. What comes in is empty paper.`);
  screen.show(table(["pixels", "0", "1", "2", "3", "4"], rows, depth));
  screen.say(shiftVerdict(shifts));
  return shifts;
}

async function measurePermuted(trained: Record<Kind, Trained>, sets: Sets, plan: DigitsPlan, screen: Screen): Promise<Record<Kind, number>> {
  const { depth } = screen;
  screen.subheading("Reason 3: neighbouring pixels belong together");
  screen.say(
    "The pixels of every digit go through one fixed random permutation: no information is lost, but neighbours are strangers now. Both models train again, with the learning rates chosen above.",
  );
  const one = firstDigits(sets.test, 1);
  const pictures = [
    { picture: halfBlocks(digitPicture(one, 0), { depth }), title: "a digit" },
    { picture: halfBlocks(digitPicture(scrambled(one, plan.seed), 0), { depth }), title: "permuted" },
  ];
  screen.show(flow(pictures, screen.width - 2, depth));
  const mixed = { train: scrambled(sets.train, plan.seed), test: scrambled(sets.test, plan.seed) };
  const retrain = async (kind: Kind) => {
    screen.line(`${TITLES[kind]}, permuted pixels`);
    const { learningRate } = trained[kind].choice.chosen;
    const { model } = await trainDigits(kind, mixed.train, { ...plan, learningRate }, screen);
    const { accuracy } = await answersOf(model, mixed.test);
    model.dispose();
    return accuracy;
  };
  return { cnn: await retrain("cnn"), mlp: await retrain("mlp") };
}
