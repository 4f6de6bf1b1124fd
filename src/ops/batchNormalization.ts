import { Write } from "../../build/records.ts";
import type { Node } from "../graph.ts";
import { extentOf } from "../shape.ts";
import { foldedStatistics } from "./conv2d.ts";
import type { ArenaArray, Lowering, Op } from "./op.ts";

export interface BatchNormalizationAttributes {
  readonly epsilon: number;
  readonly momentum: number;
  /** Always on stored statistics: the normalization layer. */
  readonly frozen?: boolean;
}

type BatchNormalizationNode = Node & { attributes: BatchNormalizationAttributes };
/** The batch's statistics, from the forward step to the backward and statistics steps. */
type Statistics = Record<"mean" | "variance" | "inverse", ArenaArray>;

export const batchNormalization: Op<BatchNormalizationAttributes> = {
  forward(lowering, node) {
    if (lowering.usesRunningStatistics(node)) return affineForward(lowering, node);
    const { channels } = extentOf(node.output.shape);
    const array = (name: string) => lowering.array(`${node.name} ${name}`, channels, "float");
    const statistics: Statistics = { mean: array("mean"), variance: array("variance"), inverse: array("inverse") };
    lowering.saved.set(node, statistics);
    const { gamma, beta, mean, variance } = node.parameters;
    const fields = {
      input: lowering.tensor(node.inputs[0]),
      output: lowering.tensor(node.output),
      gamma: lowering.parameter(gamma),
      beta: lowering.parameter(beta),
      ...statistics,
      epsilon: node.attributes.epsilon,
    };
    lowering.step("batchNormalizationOutput", node, fields, { scratchBytes: scratchBytes(channels) });
    const running = { runningMean: lowering.parameter(mean), runningVariance: lowering.parameter(variance) };
    const counted = { mean: statistics.mean, variance: statistics.variance, count: channels, momentum: node.attributes.momentum };
    lowering.step("runningStatistics", node, { ...counted, ...running }, { section: "statistics" });
  },

  backward(lowering, node) {
    const outputGrad = lowering.outputGradient(node);
    const [value] = node.inputs;
    if (lowering.usesRunningStatistics(node)) {
      if (!lowering.needsGradient(value)) return;
      const { scale } = foldedStatistics(lowering, node, statisticsParameters(node), extentOf(node.output.shape).channels);
      const { tensor: output, write } = lowering.gradientTarget(value);
      lowering.step("affineOutput", node, { input: outputGrad, output, scale, offset: null, write }, { inPlace: ["input", "output"] });
      return;
    }
    const { gamma, beta } = node.parameters;
    const { mean, inverse } = lowering.saved.get(node) as Statistics;
    const gammaGrad = lowering.parameterGradient(gamma);
    const betaGrad = lowering.parameterGradient(beta);
    const target = lowering.needsGradient(value) ? lowering.gradientTarget(value) : { tensor: null, write: Write.overwrite };
    const fields = {
      input: lowering.tensor(value),
      outputGrad,
      inputGrad: target.tensor,
      gamma: lowering.parameter(gamma),
      mean,
      inverse,
      gammaGrad,
      betaGrad,
      write: target.write,
      parameterWrite: (gammaGrad ?? betaGrad)?.write ?? Write.overwrite,
    };
    const options = { scratchBytes: scratchBytes(extentOf(value.shape).channels), inPlace: ["outputGrad", "inputGrad"] as const };
    lowering.step("batchNormalizationInputGrad", node, fields, options);
  },
};

function affineForward(lowering: Lowering, node: BatchNormalizationNode): void {
  const { scale, offset } = foldedStatistics(lowering, node, statisticsParameters(node), extentOf(node.output.shape).channels);
  const fields = { input: lowering.tensor(node.inputs[0]), output: lowering.tensor(node.output), scale, offset, write: Write.overwrite };
  lowering.step("affineOutput", node, fields, { inPlace: ["input", "output"] });
}

export function statisticsParameters({ parameters: { gamma, beta, mean, variance }, attributes: { epsilon } }: BatchNormalizationNode) {
  return { gamma, beta, mean, variance, epsilon };
}

/** As assembly/channelGroups.ts lays them out: 112 bytes for every 4 channels. */
function scratchBytes(channels: number): number {
  return 112 * Math.ceil(channels / 4);
}
