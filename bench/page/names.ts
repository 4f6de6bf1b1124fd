/** What a case is, in words. */
import { parseCase } from "../cases.ts";

/** "3x3, 64 → 64, 56x56" for conv_64_64_3_1_1_56_1. */
export function nameInWords(name: string): string {
  const [what, gradient] = name.split("/");
  const words = baseName(what);
  if (gradient === "inputGrad") return `${words}, input gradient`;
  if (gradient === "weightGrad") return `${words}, weight gradient`;
  return gradient === undefined ? words : `${words}, ${gradient}`;
}

function baseName(name: string): string {
  if (name.startsWith("conv_")) return convolution(name);
  const [, kind, rest] = /^(mnist_cnn(?:-train)?|[a-z]+\d*)[_@](.*)$/.exec(name) ?? ["", name, ""];
  const batch = (digits: string) => (digits === "1" ? "one image" : `batch ${digits}`);
  if (kind === "mnist_cnn") return `MNIST CNN, ${batch(rest)}`;
  if (kind === "mnist_cnn-train") return `MNIST CNN, training, batch ${rest}`;
  if (kind === "mobilenet") return `MobileNet at 224x224, ${batch(rest)}`;
  if (kind === "resnet18") return `ResNet-18 at 224x224, ${batch(rest)}`;
  if (kind === "ox") return `O/X network, ${batch(rest)}`;
  if (kind === "gemm") return `matrices ${rest}x${rest}`;
  const titles: Readonly<Record<string, string>> = { maxpool: "max pooling 2x2", batchnorm: "batch norm", relu: "relu" };
  if (kind === "adam") return `Adam, ${Number(rest).toLocaleString("en")} weights`;
  return kind in titles ? `${titles[kind]}, batch ${rest.split("@")[1]}` : name;
}

function convolution(name: string): string {
  const conv = parseCase(name);
  if (conv.kind !== "conv") throw new Error(`internal: ${name} is no convolution`);
  const { window, inChannels, outChannels, stride, size, groups, batch } = conv;
  const isDepthwise = groups > 1 && groups === inChannels && groups === outChannels;
  const channels = isDepthwise ? `${inChannels}` : `${inChannels} → ${outChannels}${groups > 1 ? ` in ${groups} groups` : ""}`;
  const extra = `${stride > 1 ? `, stride ${stride}` : ""}${batch > 1 ? `, batch ${batch}` : ""}`;
  return `${isDepthwise ? "depthwise " : ""}${window}x${window}, ${channels}, ${size}x${size}${extra}`;
}
