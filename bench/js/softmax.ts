/** Softmax with cross entropy on class indexes. */

/** logits [batch, classes] → probabilities like logits. */
export function softmaxOutput(logits: Float32Array, probabilities: Float32Array, classes: number, batch: number): void {
  for (let first = 0; first < batch * classes; first += classes) {
    let largest = logits[first];
    for (let index = first + 1; index < first + classes; index++) largest = Math.max(largest, logits[index]);
    let sum = 0;
    for (let index = first; index < first + classes; index++) {
      const power = Math.exp(logits[index] - largest);
      probabilities[index] = power;
      sum += power;
    }
    for (let index = first; index < first + classes; index++) probabilities[index] /= sum;
  }
}

/** Mean over the batch of -log softmax(logits)[label]; logitsGrad like logits. */
export function softmaxCrossEntropy(
  { logits, labels, logitsGrad }: { logits: Float32Array; labels: ArrayLike<number>; logitsGrad: Float32Array },
  classes: number,
  batch: number,
): number {
  let loss = 0;
  for (let sample = 0; sample < batch; sample++) {
    const first = sample * classes;
    let largest = logits[first];
    for (let index = first + 1; index < first + classes; index++) largest = Math.max(largest, logits[index]);
    let sum = 0;
    for (let index = first; index < first + classes; index++) sum += Math.exp(logits[index] - largest);
    const label = first + labels[sample];
    loss += Math.log(sum) + largest - logits[label];
    for (let index = first; index < first + classes; index++) {
      logitsGrad[index] = (Math.exp(logits[index] - largest) / sum - (index === label ? 1 : 0)) / batch;
    }
  }
  return loss / batch;
}
