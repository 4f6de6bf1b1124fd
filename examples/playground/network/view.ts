/** A whole network: its layers one below the other, each with its maps for the picture that went in. */
import type { Model, TensorData } from "../../../src/index.ts";
import { magnitude, type Values } from "../../../src/inspect/maps.ts";
import { make, nextTask, setLabel } from "../ui/dom.ts";
import { counted, fixed } from "../ui/numbers.ts";
import { Detail } from "./detail.ts";
import { Filters } from "./filters.ts";
import { Gallery } from "./gallery.ts";
import { hasMaps, type LayerInfo, layersOf } from "./layers.ts";
import { paint } from "./paint.ts";

export interface Selection {
  readonly layer: string;
  readonly channel: number;
  /** Row times width plus column of the map. */
  readonly at: number;
}

/** Wider layers are shown as so many numbers at most. */
const MOST_UNITS = 2048;

/** Milliseconds of painting in one task. */
const SLICE = 3;

interface Row {
  readonly info: LayerInfo;
  readonly element: HTMLElement;
  readonly gallery: Gallery | null;
  readonly strip: HTMLCanvasElement | null;
}

export class NetworkView {
  readonly layers: readonly LayerInfo[];
  private readonly rows: readonly Row[];
  private readonly detail = new Detail((at) => this.selected({ ...this.selection!, at }));
  private selection: Selection | null = null;
  private values: Readonly<Record<string, TensorData>> = {};
  private input: Values | null = null;

  constructor(
    element: HTMLElement,
    readonly model: Model,
    /** Hears what the visitor chooses. */
    private readonly chosen: (selection: Selection | null) => void,
    private readonly life: AbortSignal,
  ) {
    this.layers = layersOf(model);
    this.rows = this.layers.map((info, index) => this.row(info, index));
    element.replaceChildren(...this.rows.map((row) => row.element));
  }

  /**
   * `input` [1, …] is what went in; `values` are all layers' activations for it. Painted in slices of the main thread; stops between two of
   * them when `isCurrent` says that something newer is there.
   */
  async show(input: Values, values: Readonly<Record<string, TensorData>>, isCurrent: () => boolean): Promise<void> {
    this.input = input;
    this.values = values;
    this.showDetail();
    let start = performance.now();
    for (const { info, gallery, strip } of this.rows) {
      const output = values[info.name];
      if (output === undefined) continue;
      gallery?.show(output);
      if (strip) paintStrip(strip, info, output.data);
      if (performance.now() - start < SLICE) continue;
      await nextTask();
      if (!isCurrent()) return;
      start = performance.now();
    }
  }

  /** Returns what is selected: null for a layer or a map that this network does not have. */
  select(selection: Selection | null): Selection | null {
    const row = this.rows.find(({ info }) => info.name === selection?.layer);
    const isThere = row?.gallery && selection && selection.channel < row.info.shape[2]!;
    if (this.selection?.layer !== selection?.layer || !isThere) this.detail.stop();
    this.selection = isThere ? selection : null;
    for (const { info, gallery } of this.rows) gallery?.select(info.name === this.selection?.layer ? this.selection.channel : null);
    if (this.selection === null) this.detail.element.remove();
    else row!.element.append(this.detail.element);
    this.showDetail();
    return this.selection;
  }

  private selected(selection: Selection): void {
    this.selection = selection;
    this.chosen(selection);
  }

  /** The same map once more closes it. */
  private toggle(layer: string, channel: number): void {
    const isOpen = this.selection?.layer === layer && this.selection.channel === channel;
    const at = this.selection?.layer === layer ? this.selection.at : this.middleOf(layer);
    this.select(isOpen ? null : { layer, channel, at });
    this.chosen(this.selection);
  }

  /** Row times width plus column. */
  middleOf(name: string): number {
    const [height, width] = this.layers.find((info) => info.name === name)!.shape as [number, number];
    return Math.floor(height / 2) * width + Math.floor(width / 2);
  }

  private showDetail(): void {
    const { selection } = this;
    const layer = this.layers.find(({ name }) => name === selection?.layer);
    const output = layer && this.values[layer.name];
    if (selection === null || layer === undefined || output === undefined) return;
    const source = layer.convolution?.source ?? layer.pooling?.source ?? null;
    const input = source === null ? this.input! : (this.values[source] ?? this.input!);
    this.detail.show({ layer, channel: selection.channel, output, input, inputName: source ?? "the picture" }, selection.at);
  }

  private row(info: LayerInfo, index: number): Row {
    const gallery = hasMaps(info) ? new Gallery(info.name, info.shape[2]!, (channel) => this.toggle(info.name, channel)) : null;
    const isOutput = index === this.layers.length - 1;
    const strip = gallery ? null : make("canvas", { class: "strip", role: "img" });
    const head = make(
      "div",
      { class: "layer-head" },
      make("h3", {}, info.name),
      make("span", { class: "kind" }, info.type),
      make("span", { class: "figures" }, `${info.shape.join("×")}${info.parameters ? ` · ${counted(info.parameters, "weight")}` : ""}`),
    );
    const element = make("li", { class: "layer", "data-layer": info.name }, head, make("p", { class: "caption" }, sentenceOf(info, isOutput)));
    if (info.convolution) element.append(new Filters(info.name, info.convolution, this.life).element);
    element.append(...[gallery?.element ?? strip].filter((part) => part !== null && part !== undefined));
    return { info, element, gallery, strip };
  }
}

function sentenceOf({ type, shape, convolution, pooling }: LayerInfo, isOutput: boolean): string {
  if (convolution) {
    const [height, width] = convolution.kernel.shape;
    const maps = convolution.inputShape[2]!;
    const source = convolution.source === null ? "the picture" : "the map before it";
    const reads = maps === 1 ? source : `all ${maps} maps before it at once`;
    const each = convolution.groups > 1 ? "maps of its group" : reads;
    return `${counted(shape[2]!, "filter")} of ${height}×${width}. Each walks over ${each} and fills one map.`;
  }
  if (pooling && shape.length === 3)
    return `${pooling.kind === "max" ? "The largest" : "The mean"} of each ${pooling.window.height}×${pooling.window.width} window: smaller maps, less fussy about the place.`;
  if (pooling) return "One number per map.";
  if (type === "dense")
    return isOutput
      ? `${counted(shape[0]!, "score")}${shape[0] === 1 ? "" : ", one per class"}: the answer.`
      : `${counted(shape[0]!, "unit")}, each connected to every number before it.`;
  if (type === "separableConv2d") return "One filter for each map; then every new map is a mixture of all of them.";
  if (type === "relu" || type === "leakyRelu") return type === "relu" ? "Sets what is negative to 0." : "Keeps only a little of what is negative.";
  if (type === "batchNormalization") return "Brings every map to the same mean and spread.";
  if (type === "add" || type === "concatenate") return type === "add" ? "The sum of two paths." : "The maps of several paths, one behind the other.";
  if (type === "flatten") return "All maps in one row of numbers.";
  if (type === "dropout") return "Only in training: silences some numbers at random.";
  return "";
}

function paintStrip(canvas: HTMLCanvasElement, info: LayerInfo, data: Float32Array): void {
  const shown = data.subarray(0, MOST_UNITS);
  const columns = Math.min(shown.length, 64);
  const rows = Math.ceil(shown.length / columns);
  const padded = new Float32Array(rows * columns);
  padded.set(shown);
  paint(canvas, { data: padded, height: rows, width: columns }, { scale: magnitude(shown), palette: "signed" });
  canvas.style.setProperty("--rows", String(rows));
  canvas.style.setProperty("--columns", String(columns));
  const active = shown.reduce((count, value) => count + (value !== 0 ? 1 : 0), 0);
  setLabel(canvas, `${info.name}: ${counted(data.length, "number")}, ${active} of them not 0, strongest ${fixed(magnitude(shown))}`);
}
