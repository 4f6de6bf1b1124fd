/** TypeScript that makes this very network again with the public API. */
import type { Model } from "../../tour/oxNetworks.ts";
import type { Drawing } from "./drawings.ts";
import { DESIGN } from "./lab.ts";
import { type OxState, shortest } from "./state.ts";
import { SIDE } from "./walk.ts";

export function codeOf(model: Model, state: OxState, input: Drawing): string {
  const pool = state.pooling === "max" ? "maxPooling2d" : "averagePooling2d";
  const names = ["conv2d", "dense", "flatten", "input", "relu", "sequential", pool].sort();
  const weights = model
    .getWeights()
    .map(({ name, data, shape }) => `  // ${name} [${shape.join(", ")}]\n  Float32Array.of(${Array.from(data, shortest).join(", ")}),`);
  const rows = Array.from({ length: SIDE }, (_, row) => `  ${input.slice(row * SIDE, (row + 1) * SIDE).join(", ")},`);
  return `import { ${names.join(", ")} } from "convlet";

const model = sequential([
  input({ shape: [${SIDE}, ${SIDE}, 1] }),
  conv2d({ filters: ${DESIGN.filters}, kernelSize: 3, name: "filter" }),
  relu({ name: "relu" }),
  ${pool}({ poolSize: 2, name: "pool" }),
  flatten(),
  dense({ units: ${DESIGN.hidden}, activation: "relu", name: "hidden" }),
  dense({ units: 2, activation: "softmax", name: "output" }),
], { classNames: ["O", "X"] });
model.setWeights([
${weights.join("\n")}
]);

// ${state.permuted ? "The drawing, its pixels permuted as the network was trained" : "The drawing"}
const drawing = Float32Array.of(
${rows.join("\n")}
);
const { data } = await model.predict(drawing);
console.log(\`O \${data[0]}, X \${data[1]}\`);
`;
}
