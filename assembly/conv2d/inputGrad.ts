import { Matmul, PANEL_ROW_BYTES, matmulAt, mergeSegments } from "../matmulPlan";
import { Algorithm, Conv2dInputGrad, RunHeader, RUN_HEADER, Write } from "../records";
import { viewPixels } from "../rowView";
import { runDepthwise } from "./depthwise";
import { runMatmul } from "./tiles";
import { runWinograd } from "./winograd";

/**
 * inputGrad [batch, height, width, inChannels] ← or += the adjoint of conv2dOutput, gathered: input row y sums the taps
 * with strideY · outY = y + padTop − windowY · dilationY. The rows y of one phase (y mod strideY) share their taps, and these lie
 * in equal steps, so each of the strideY · strideX phases is one matrix product over outputGrad. Taps go from the last to
 * the first: outputGrad is then read upwards, as the panels are packed (depthwise weights are walked backwards).
 */
export function conv2dInputGrad(record: Conv2dInputGrad, thread: i32, threads: i32): void {
  if (record.algorithm == Algorithm.winograd) return winogradInputGrad(record, thread, threads);
  for (let phaseY = 0; phaseY < min(record.strideY, record.inputGrad.height); phaseY++) {
    for (let phaseX = 0; phaseX < min(record.strideX, record.inputGrad.width); phaseX++) {
      inputGradPhase(record, phaseY, phaseX, thread, threads);
    }
  }
}

/** At stride 1 the adjoint is a convolution again, of outputGrad padded by windowHeight − 1 − padTop, with the flipped window. */
function winogradInputGrad(record: Conv2dInputGrad, thread: i32, threads: i32): void {
  const inputGrad = record.inputGrad;
  const matmul = matmulAt(record.scratch + thread * record.scratchBytes);
  matmul.setGrid(changetype<RunHeader>(RUN_HEADER).batch, inputGrad.height, inputGrad.width);
  viewPixels(matmul.source, record.outputGrad, record.padTop - record.windowHeight + 1, record.padLeft - record.windowWidth + 1, 1, 1);
  viewPixels(matmul.target, inputGrad, 0, 0, 1, 1);
  if (record.write == Write.add) viewPixels(matmul.addend, inputGrad, 0, 0, 1, 1);
  matmul.setPanels(record.panels, 1, record.outputGrad.channels, inputGrad.channels);
  runWinograd(matmul, thread, threads);
}

function inputGradPhase(record: Conv2dInputGrad, phaseY: i32, phaseX: i32, thread: i32, threads: i32): void {
  const inputGrad = record.inputGrad;
  const outputGrad = record.outputGrad;
  const matmul = matmulAt(record.scratch + thread * record.scratchBytes);
  const height = (inputGrad.height - phaseY + record.strideY - 1) / record.strideY;
  const width = (inputGrad.width - phaseX + record.strideX - 1) / record.strideX;
  const lastY = lastTap(record.windowHeight, record.dilationY, record.strideY, phaseY + record.padTop);
  const lastX = lastTap(record.windowWidth, record.dilationX, record.strideX, phaseX + record.padLeft);
  const stepY = tapStep(record.dilationY, record.strideY);
  const stepX = tapStep(record.dilationX, record.strideX);
  const add = record.write == Write.add;
  const empty = lastY < 0 || lastX < 0;
  if (empty && add) return;
  matmul.setGrid(changetype<RunHeader>(RUN_HEADER).batch, height, width);
  viewPixels(matmul.target, inputGrad, phaseY, phaseX, record.strideY, record.strideX);
  if (add) viewPixels(matmul.addend, inputGrad, phaseY, phaseX, record.strideY, record.strideX);
  const outY = (phaseY + record.padTop - lastY * record.dilationY) / record.strideY;
  const outX = (phaseX + record.padLeft - lastX * record.dilationX) / record.strideX;
  viewPixels(matmul.source, outputGrad, outY, outX, 1, 1);
  matmul.outerCount = empty ? 0 : lastY / stepY + 1;
  matmul.outerStep = ((stepY * record.dilationY) / record.strideY) * outputGrad.rowStride << 2;
  matmul.innerCount = empty ? 0 : lastX / stepX + 1;
  matmul.innerStep = ((stepX * record.dilationX) / record.strideX) * outputGrad.pixelStride << 2;
  setWeights(record, matmul, lastY, lastX);
  matmul.outerPanelStep *= stepY;
  matmul.innerPanelStep *= stepX;
  if (record.algorithm == Algorithm.depthwise) return runDepthwise(matmul, thread, threads);
  if (!empty) mergeSegments(matmul);
  runMatmul(matmul, outputGrad.channels, thread, threads);
}

/** Points at the weights of tap (lastY, lastX); panel steps of one tap in y and x. */
function setWeights(record: Conv2dInputGrad, matmul: Matmul, lastY: i32, lastX: i32): void {
  const taps = record.windowHeight * record.windowWidth;
  const inChannels = record.inputGrad.channels;
  if (record.algorithm == Algorithm.depthwise) {
    const last = lastY * record.windowWidth + lastX;
    matmul.setPanels(record.panels, 1, 1, inChannels);
    matmul.setUnpacked(record.weight + ((last * inChannels) << 2));
    matmul.innerPanelStep = -matmul.panelRowStep;
  } else {
    const flipped = taps - 1 - (lastY * record.windowWidth + lastX);
    matmul.setPanels(record.panels, record.groups, record.outputGrad.channels, inChannels);
    matmul.panelStep = taps * matmul.run * PANEL_ROW_BYTES;
    matmul.innerPanelStep = matmul.run * PANEL_ROW_BYTES;
    matmul.panel += flipped * matmul.innerPanelStep;
  }
  matmul.outerPanelStep = record.windowWidth * matmul.innerPanelStep;
}

/** The last tap that meets outputs from `position` (input coordinate + padding), or -1. */
function lastTap(window: i32, dilation: i32, stride: i32, position: i32): i32 {
  let tap = window - 1;
  while (tap >= 0 && (position - tap * dilation) % stride != 0) tap--;
  return tap;
}

/** From one such tap to the next: stride / gcd(stride, dilation). */
function tapStep(dilation: i32, stride: i32): i32 {
  let step = 1;
  while ((step * dilation) % stride != 0) step++;
  return step;
}
