/** From the first import to the first prediction, the model read from its ONNX file. */
const start = performance.now();
const [{ readFile }, { env, InferenceSession, Tensor }] = await Promise.all([import("node:fs/promises"), import("onnxruntime-web")]);
env.wasm.numThreads = 1;
const directory = process.argv[2];
const [model, input] = await Promise.all([readFile(`${directory}/model.onnx`), readFile(`${directory}/input.nchw.f32`)]);
const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });
const x = new Tensor("float32", new Float32Array(input.buffer, input.byteOffset, input.length / 4), [1, 1, 28, 28]);
const { data } = (await session.run({ x }))[session.outputNames[0]];
console.log(JSON.stringify({ ms: performance.now() - start, output: [...data] }));
// Its worker threads would keep the process.
process.exit(0);
