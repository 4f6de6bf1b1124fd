/** From the first import to the first prediction, the program read from its run file: no layers, no compiler, no training. */
const start = performance.now();
const [{ readFile }, { load }] = await Promise.all([import("node:fs/promises"), import("../../../dist/run.node.js")]);
const directory = process.argv[2];
const [model, input] = await Promise.all([load(`${directory}/run.safetensors`), readFile(`${directory}/input.nhwc.f32`)]);
const { data } = model.predictSync(new Float32Array(input.buffer, input.byteOffset, input.length / 4));
console.log(JSON.stringify({ ms: performance.now() - start, output: [...data] }));
