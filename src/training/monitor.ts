/** Which of two figures is better: what early stopping, learning rate and checkpoints have in common. */
import { checkNumber, shown } from "../options.ts";

export type MonitorMode = "auto" | "min" | "max";

/** Whether a figure is better than another by more than minDelta. NaN never is; any number is better than none. */
export type IsBetter = (current: number, than: number | undefined) => boolean;

interface Monitor {
  readonly monitor: string;
  readonly mode: MonitorMode | undefined;
  readonly minDelta: number;
}

export function watcher(where: string, { monitor, mode = "auto", minDelta }: Monitor): IsBetter {
  if (typeof monitor !== "string") throw new TypeError(`${where}: monitor is ${shown(monitor)}, needs the name of a figure`);
  if (!["auto", "min", "max"].includes(mode)) throw new RangeError(`${where}: mode is ${shown(mode)}, needs auto, min or max`);
  checkNumber(where, "minDelta", minDelta, { atLeast: 0 });
  const isMaximum = mode === "max" || (mode === "auto" && /acc|precision|recall|auc|f1/i.test(monitor));
  return (current, than) => {
    if (than === undefined) return !Number.isNaN(current);
    return isMaximum ? current - minDelta > than : current + minDelta < than;
  };
}

/** The figure of that name: a misspelt one would silently never get better. */
export function monitored(where: string, monitor: string, logs: Readonly<Record<string, number>>): number {
  if (Object.hasOwn(logs, monitor)) return logs[monitor]!;
  const advice = monitor.startsWith("val") ? "; is there validation data?" : "";
  throw new RangeError(`${where}: no figure named "${monitor}" in this epoch, only ${Object.keys(logs).join(", ")}${advice}`);
}
