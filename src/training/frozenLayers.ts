/** Layers that training leaves as they are. */
export class FrozenLayers {
  private readonly layers = new Set<string>();
  private text = "";

  get names(): ReadonlySet<string> {
    return this.layers;
  }

  /** The same for the same layers: what a training program is known by. */
  get key(): string {
    return this.text;
  }

  set(layer: string, isFrozen: boolean): void {
    if (isFrozen) this.layers.add(layer);
    else this.layers.delete(layer);
    this.text = [...this.layers].sort().join("\n");
  }

  replace(layers: Iterable<string>): void {
    this.layers.clear();
    this.text = "";
    for (const layer of layers) this.set(layer, true);
  }
}
