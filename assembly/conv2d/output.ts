import { Matmul, PANEL_ROW_BYTES, matmulAt, mergeSegments } from "../matmulPlan";
import { Activation, Algorithm, Conv2dOutput, RunHeader, RUN_HEADER } from "../records";
import { viewPixels } from "../rowView";
import { runDepthwise } from "./depthwise";
import { runMatmul } from "./tiles";
import { runWinograd } from "./winograd";

/**
 * output [batch, outHeight, outWidth, outChannels] ← activation(bias + Σ window × input [+ residual]).
 * A matrix product whose rows are the output's pixels: a pixel's window is windowHeight segments of the input (one per tap where
 * the input is a slice, dilated or grouped). At a 1 × 1 output, as in a dense layer, the images are the rows.
 */
export function conv2dOutput(record: Conv2dOutput, thread: i32, threads: i32): void {
  const matmul = matmulAt(record.scratch + thread * record.scratchBytes);
  const input = record.input;
  const output = record.output;
  matmul.setGrid(changetype<RunHeader>(RUN_HEADER).batch, output.height, output.width);
  viewPixels(matmul.source, input, -record.padTop, -record.padLeft, record.strideY, record.strideX);
  viewPixels(matmul.target, output, 0, 0, 1, 1);
  if (changetype<usize>(record.residual) != 0) viewPixels(matmul.addend, record.residual, 0, 0, 1, 1);
  matmul.bias = record.bias;
  matmul.outerCount = record.windowHeight;
  matmul.outerStep = (record.dilationY * input.rowStride) << 2;
  matmul.innerCount = record.windowWidth;
  matmul.innerStep = (record.dilationX * input.pixelStride) << 2;
  const isDepthwise = record.algorithm == Algorithm.depthwise;
  if (isDepthwise) matmul.multiplier = output.channels / record.groups;
  matmul.setPanels(record.panels, isDepthwise ? 1 : record.groups, isDepthwise ? 1 : input.channels, output.channels);
  matmul.panelStep = record.windowHeight * record.windowWidth * matmul.run * PANEL_ROW_BYTES;
  if (isDepthwise || record.algorithm == Algorithm.unpacked) matmul.setUnpacked(record.weight);
  matmul.innerPanelStep = matmul.run * matmul.panelRowStep;
  matmul.outerPanelStep = record.windowWidth * matmul.innerPanelStep;
  setActivation(matmul, record.activation, record.alpha);
  if (record.algorithm == Algorithm.winograd) return runWinograd(matmul, thread, threads);
  if (isDepthwise) return runDepthwise(matmul, thread, threads);
  mergeSegments(matmul);
  runMatmul(matmul, input.channels, thread, threads);
}

function setActivation(matmul: Matmul, activation: i32, alpha: f32): void {
  if (activation == Activation.relu || activation == Activation.relu6) matmul.low = 0;
  if (activation == Activation.relu6) matmul.high = 6;
  matmul.leaky = activation == Activation.leakyRelu ? 1 : 0;
  matmul.alpha = alpha;
}
