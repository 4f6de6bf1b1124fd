/** What the compiler must know of a loss and of an optimizer; src/training makes them. */
import type { KernelName } from "../../build/records.ts";

export interface LossSpec {
  readonly name: string;
  readonly config: { readonly fromLogits?: boolean; readonly delta?: number };
}

export interface OptimizerSpec {
  readonly kernel: Extract<KernelName, "sgdUpdate" | "rmspropUpdate" | "adamUpdate">;
  /** Record fields of the kernel that hold one array per parameter. */
  readonly slots: readonly string[];
  /** The kernel's scalar record fields. */
  readonly fields: Readonly<Record<string, number>>;
  readonly weightDecay: number;
  readonly clipValue?: number;
  readonly clipNorm?: number;
  readonly globalClipNorm?: number;
}
