/** Dense layers: input [batch, inputs], weight [inputs, outputs], bias [outputs], output [batch, outputs]. */
import { columnSums } from "./conv2d.ts";
import { LEFT, LEFT_CELLS, type MatrixView, multiplyTile, packMatrix, RIGHT, RIGHT_CELLS, storeTile, TileTarget } from "./matmul.ts";

export interface DenseShape {
  readonly inputs: number;
  readonly outputs: number;
}

const target = new TileTarget();
const rowSums = new Float64Array(1 << 14);

/** output ← input · weight + bias, through relu if asked for. */
export function denseOutput(
  { inputs, outputs }: DenseShape,
  arrays: { input: Float32Array; weight: Float32Array; bias: Float32Array; output: Float32Array; activation?: "relu" | "none" },
  batch: number,
): void {
  target.output = arrays.output;
  target.bias = arrays.bias;
  target.relu = arrays.activation === "relu";
  if (batch < 4) {
    for (let sample = 0; sample < batch; sample++) vectorOutput({ inputs, outputs }, arrays, sample);
    return;
  }
  const left = { source: arrays.input, at: 0, stepStride: 1, laneStride: inputs };
  const right = { source: arrays.weight, at: 0, stepStride: outputs, laneStride: 1 };
  multiply(left, right, { rows: batch, columns: outputs, depth: inputs });
}

/** inputGrad [batch, inputs] ← outputGrad · weightᵀ. */
export function denseInputGrad(
  { inputs, outputs }: DenseShape,
  arrays: { outputGrad: Float32Array; weight: Float32Array; inputGrad: Float32Array },
  batch: number,
): void {
  target.output = arrays.inputGrad;
  target.bias = null;
  target.relu = false;
  const left = { source: arrays.outputGrad, at: 0, stepStride: 1, laneStride: outputs };
  const right = { source: arrays.weight, at: 0, stepStride: 1, laneStride: outputs };
  multiply(left, right, { rows: batch, columns: inputs, depth: outputs });
}

/** weightGrad [inputs, outputs] ← inputᵀ · outputGrad, biasGrad [outputs]: both sums over the batch. */
export function denseWeightGrad(
  { inputs, outputs }: DenseShape,
  arrays: { input: Float32Array; outputGrad: Float32Array; weightGrad: Float32Array; biasGrad: Float32Array },
  batch: number,
): void {
  target.output = arrays.weightGrad;
  target.bias = null;
  target.relu = false;
  const left = { source: arrays.input, at: 0, stepStride: inputs, laneStride: 1 };
  const right = { source: arrays.outputGrad, at: 0, stepStride: outputs, laneStride: 1 };
  multiply(left, right, { rows: inputs, columns: outputs, depth: batch });
  columnSums(arrays.outputGrad, arrays.biasGrad, batch);
}

/** target [rows, columns] ← left · rightᵀ, in blocks that fit the panels. */
function multiply(left: MatrixView, right: MatrixView, { rows, columns, depth }: { rows: number; columns: number; depth: number }): void {
  const blockRows = Math.floor(LEFT_CELLS / depth) & ~3;
  const blockColumns = Math.floor(RIGHT_CELLS / depth) & ~3;
  if (blockRows < 4) throw new RangeError("dense: too large for the baseline");
  target.at = 0;
  target.rowStride = columns;
  target.rows = rows;
  target.columns = columns;
  target.biasAt = 0;
  for (let firstColumn = 0; firstColumn < columns; firstColumn += blockColumns) {
    const endColumn = Math.min(firstColumn + blockColumns, columns);
    packMatrix(right, { first: firstColumn, lanes: endColumn - firstColumn, depth }, RIGHT);
    for (let firstRow = 0; firstRow < rows; firstRow += blockRows) {
      const endRow = Math.min(firstRow + blockRows, rows);
      packMatrix(left, { first: firstRow, lanes: endRow - firstRow, depth }, LEFT);
      for (let row = firstRow; row < endRow; row += 4) {
        for (let column = firstColumn; column < endColumn; column += 4) {
          multiplyTile(LEFT + (row - firstRow) * depth, RIGHT + (column - firstColumn) * depth, depth);
          storeTile(target, row, column);
        }
      }
    }
  }
}

/** One sample: every weight is used once, so it is read where it is, four rows at a time. */
function vectorOutput({ inputs, outputs }: DenseShape, { input, weight }: { input: Float32Array; weight: Float32Array }, sample: number): void {
  const { output, bias, relu } = target;
  rowSums.fill(0, 0, outputs);
  const first = sample * inputs;
  let row = 0;
  for (; row + 4 <= inputs; row += 4) {
    const input0 = input[first + row];
    const input1 = input[first + row + 1];
    const input2 = input[first + row + 2];
    const input3 = input[first + row + 3];
    const at0 = row * outputs;
    const at1 = at0 + outputs;
    const at2 = at1 + outputs;
    const at3 = at2 + outputs;
    for (let column = 0; column < outputs; column++) {
      rowSums[column] +=
        input0 * weight[at0 + column] + input1 * weight[at1 + column] + input2 * weight[at2 + column] + input3 * weight[at3 + column];
    }
  }
  for (; row < inputs; row++) for (let column = 0; column < outputs; column++) rowSums[column] += input[first + row] * weight[row * outputs + column];
  for (let column = 0; column < outputs; column++) {
    const sum = rowSums[column] + (bias as Float32Array)[column];
    output[sample * outputs + column] = relu && sum < 0 ? 0 : sum;
  }
}
