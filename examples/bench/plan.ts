/** What the page measures, and what passes between it and its worker. Names of cases are those of bench/cases.ts. */
import type { Row } from "../../bench/report.ts";

export type Suite = "kernels" | "inference" | "training";
export type Depth = "quick" | "thorough";

export interface Item {
  readonly suite: Suite;
  readonly case: string;
  readonly title: string;
}

/** In the order of the page. */
export const SUITES: Readonly<Record<Suite, { readonly title: string; readonly about: string }>> = {
  training: { title: "Training", about: "Whole steps with Adam: forward, backward, update." },
  inference: { title: "Inference", about: "Whole networks: images in, answers out." },
  kernels: { title: "Kernels", about: "Single convolutions. Products that an algorithm saves count as done." },
};

export const PLAN: readonly Item[] = [
  { suite: "training", case: "mnist_cnn-train@64", title: "Digit network, 1.2 million weights, batch of 64" },
  { suite: "training", case: "ox-train@64", title: "O or X network, 19 weights, batch of 64" },
  { suite: "inference", case: "mnist_cnn@1", title: "Digit network, one image" },
  { suite: "inference", case: "mnist_cnn@64", title: "Digit network, batch of 64" },
  { suite: "kernels", case: "conv_64_64_3_1_1_56_1", title: "3×3 window, 64 → 64 channels, 56×56 pixels" },
  { suite: "kernels", case: "conv_128_256_1_1_0_28_1", title: "1×1 window, 128 → 256 channels, 28×28 pixels" },
  { suite: "kernels", case: "conv_96_96_3_1_1_56_96", title: "3×3 window, depthwise, 96 channels, 56×56 pixels" },
  { suite: "kernels", case: "conv_3_32_3_2_1_224_1", title: "3×3 window, stride 2, 3 → 32 channels, 224×224 pixels" },
];

/** To the worker: measure one case. */
export interface Order {
  readonly item: Item;
  readonly depth: Depth;
  readonly threads: "run" | "leave out";
}

export interface Findings {
  readonly rows: readonly Row[];
  /** One line each. */
  readonly notRun: readonly string[];
  /** Where machines did not compute the same numbers. */
  readonly problems: readonly string[];
}

/** From the worker, once. */
export type Answer = { readonly findings: Findings } | { readonly error: string };
