import { describe, expect, test } from "vitest";
import { CASES, type ConvCase, convData, parseCase } from "../../bench/cases.ts";
import { conv2dOutput } from "../../bench/js/conv2d.ts";
import { planConv2d } from "../../bench/js/conv2dPlan.ts";
import { expected } from "../../bench/rivals/check.ts";
import { convWeightOihw, denseWeightByOutput, outputNhwc, permute } from "../../bench/rivals/layout.ts";
import { readInitializers } from "../../bench/rivals/onnxInitializers.ts";
import { onnxModel } from "../../bench/rivals/onnxModel.ts";
import { parseRivalOptions } from "../../bench/rivals/options.ts";
import { type ConvLayer, type DenseLayer, readBy, workloadOf } from "../../bench/rivals/workload.ts";

describe("layouts", () => {
  test("axes are exchanged", () => {
    expect([...permute(Float32Array.of(0, 1, 2, 3, 4, 5), [2, 3], [1, 0])]).toEqual([0, 3, 1, 4, 2, 5]);
    expect([...permute(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7), [2, 2, 2], [2, 0, 1])]).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
  });

  test("an output with channels first becomes the table's", () => {
    const workload = { ...workloadOf("ox@1"), batch: 1, outputShape: [1, 2, 3] };
    expect([...outputNhwc(Float32Array.of(0, 1, 2, 3, 4, 5), workload)]).toEqual([0, 2, 4, 1, 3, 5]);
  });
});

describe("ONNX", () => {
  test("the weights written are those read back, in the order of the layers", () => {
    const { layers, inputShape } = workloadOf("mnist_cnn@1");
    const weighted = layers.filter((layer): layer is ConvLayer | DenseLayer => "weight" in layer);
    const arrays = weighted.flatMap((layer) => [layer.type === "conv" ? convWeightOihw(layer) : denseWeightByOutput(layer), layer.bias]);
    // Names begin with the layer's type: the reader of PyTorch's exports orders by leading numbers alone.
    const read = readInitializers(onnxModel(layers, inputShape), () => 0);
    expect(read.length).toBe(arrays.length);
    for (const [index, array] of arrays.entries())
      expect(Buffer.from(read[index].buffer).equals(Buffer.from(array.buffer)), `array ${index}`).toBe(true);
  });
});

test("a convolution's expected output is that of the tuned JavaScript, where this knows its size", () => {
  for (const name of ["conv_4_6_3_2_1_9_2@3", "conv_5_5_3_1_1_8_5@2", "conv_3_4_5_1_2_7_1"]) {
    const conv = parseCase(name) as ConvCase;
    const { size, window, padding } = conv;
    const plan = planConv2d({ ...conv, height: size, width: size, window: [window, window], padding: [padding, padding] });
    const wanted = expected(workloadOf(name)).output;
    const output = new Float32Array(wanted.length);
    conv2dOutput(plan, { ...convData(conv), output }, conv.batch);
    const largest = Math.max(...wanted.map(Math.abs));
    for (const [index, value] of output.entries()) expect(Math.abs(value - wanted[index]), `${name} ${index}`).toBeLessThan(1e-6 * largest);
  }
  expect(expected(workloadOf("conv_1024_1024_3_1_1_3_1")).output.length).toBe(9 * 1024);
});

test.each([
  ["mobilenet", 4_221_032, 569],
  ["resnet18", 11_684_712, 1814],
])("%s is that of its paper: %i weights and biases, %i million products, 7x7 maps at the end", (net, parameters, products) => {
  const { layers, input, inputShape } = workloadOf(`${net}@2`);
  expect(input.length).toBe(2 * 224 * 224 * 3);
  const maps: { readonly size: number; readonly channels: number }[] = [];
  let [found, multiplied] = [0, 0];
  for (const [place, layer] of layers.entries()) {
    const [before, other] = readBy(layer, place).map((each) => maps[each] ?? { size: inputShape[0], channels: inputShape[2] });
    if (other !== undefined) expect(other).toEqual(before);
    const size = "window" in layer ? Math.floor((before.size + 2 * layer.padding - layer.window) / layer.stride) + 1 : before.size;
    if (layer.type === "conv") expect(layer.inChannels).toBe(before.channels);
    if (layer.type === "dense") expect([layer.inputs, size]).toEqual([before.channels, 7]);
    maps.push({ size, channels: layer.type === "conv" ? layer.outChannels : before.channels });
    if (!("weight" in layer)) continue;
    found += layer.weight.length + layer.bias.length;
    multiplied += layer.weight.length * (layer.type === "conv" ? size * size : 1);
  }
  expect([found, Math.round(multiplied / 1e6)]).toEqual([parameters, products]);
});

test("a large net of no image is none", () => {
  expect(() => workloadOf("mobilenet@0")).toThrow("mobilenet@0");
});

test("the output of every net depends on its input", () => {
  for (const name of CASES.filter((each) => each.endsWith("@1"))) {
    const workload = workloadOf(name);
    const { output } = expected(workload);
    expect(expected({ ...workload, input: workload.input.map((value) => value / 2) }).output, name).not.toEqual(output);
  }
});

describe("the command line", () => {
  test("cases and engines are chosen by name; convlet is always there", () => {
    const { cases, contenders, coldStarts } = parseRivalOptions(["--case", "ox@1,conv_1_2_3_1_1_8_1", "--engine", "tfjs-wasm"]);
    expect(cases).toEqual(["ox@1", "conv_1_2_3_1_1_8_1"]);
    expect(contenders.map(({ engine, numerics }) => `${engine} ${numerics}`)).toEqual(["convlet strict", "convlet relaxed", "tfjs-wasm float32"]);
    expect(coldStarts).toBe(0);
  });

  test("what is unknown is refused by name", () => {
    expect(() => parseRivalOptions(["--engine", "torch"])).toThrow("--engine torch: no such engine");
    expect(() => parseRivalOptions(["--fast"])).toThrow("--fast");
    expect(() => parseRivalOptions(["--case", "conv_1"])).toThrow('benchmark case "conv_1"');
  });
});
