/** From the first import to the first prediction: core operations and weights from a bare file, the least that it needs. */
const start = performance.now();
const [{ readFile }, { default: tf }] = await Promise.all([import("node:fs/promises"), import("@tensorflow/tfjs-core")]);
await import("@tensorflow/tfjs-backend-wasm");
const directory = process.argv[2];
const [weights, image] = await Promise.all(["weights", "input.nhwc"].map((name) => readFile(`${directory}/${name}.f32`)));
await tf.setBackend("wasm");
let at = weights.byteOffset;
const weight = (...shape) => {
  const values = new Float32Array(
    weights.buffer,
    at,
    shape.reduce((product, axis) => product * axis, 1),
  );
  at += values.byteLength;
  return tf.tensor(values, shape);
};
const conv = (x, filter, bias) => tf.fused.conv2d({ x, filter, bias, strides: 1, pad: "valid", activation: "relu" });
let x = tf.tensor(new Float32Array(image.buffer, image.byteOffset, image.length / 4), [1, 28, 28, 1]);
x = conv(x, weight(3, 3, 1, 32), weight(32));
x = conv(x, weight(3, 3, 32, 64), weight(64));
x = tf.reshape(tf.maxPool(x, 2, 2, "valid"), [1, 9216]);
x = tf.fused.matMul({ a: x, b: weight(9216, 128), bias: weight(128), activation: "relu" });
x = tf.fused.matMul({ a: x, b: weight(128, 10), bias: weight(10) });
console.log(JSON.stringify({ ms: performance.now() - start, output: [...x.dataSync()] }));
