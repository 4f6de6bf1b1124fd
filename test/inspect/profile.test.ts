import { expect, test } from "vitest";
import { conv2d, dense, flatten, input, maxPooling2d, sequential } from "../../src/index.ts";

test("profile tells time, rate and bytes of every instruction", async () => {
  using model = sequential([
    input({ shape: [12, 12, 3] }),
    conv2d({ filters: 8, kernelSize: 3, activation: "relu", name: "conv" }),
    maxPooling2d({ name: "pool" }),
    flatten(),
    dense({ units: 4, name: "head" }),
  ]);
  const x = { data: new Float32Array(2 * 12 * 12 * 3).fill(0.5), shape: [2, 12, 12, 3] };
  const before = await model.predict(x);
  const rows = await model.profile(x, { rounds: 3 });
  expect(rows.map(({ layer, kernel }) => `${layer} ${kernel}`)).toEqual(["conv conv2dOutput", "pool pool2dOutput", "head conv2dOutput"]);
  for (const { ms, gflops } of rows) expect(ms >= 0 && gflops >= 0).toBe(true);
  const convBytes = 4 * (2 * 12 * 12 * 3 + 2 * 10 * 10 * 8 + 3 * 3 * 3 * 8);
  expect(rows[0].bytes).toBe(convBytes);
  expect(await model.predict(x)).toEqual(before);
});
