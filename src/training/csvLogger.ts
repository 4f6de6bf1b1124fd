import { nodeModule } from "../nodeModule.ts";
import { checkFlag, checkOptions, shown } from "../options.ts";
import type { Callback } from "./callbacks.ts";

export interface CsvLoggerOptions {
  /** Default false: a new file; true: goes on behind what is there, without a second heading. */
  readonly append?: boolean;
  /** Default ",". */
  readonly separator?: string;
}

/** Takes the text of each row, line end included. */
export type TextSink = (text: string) => void | Promise<void>;

/**
 * Writes a row per epoch: epoch (from 0, as Keras), loss and the other figures of the first epoch, in full precision.
 * A path needs Node; a function takes the text anywhere.
 */
export function csvLogger(target: string | TextSink, options: CsvLoggerOptions = {}): Callback {
  if (typeof target !== "function" && (typeof target !== "string" || target === "")) {
    throw new TypeError(`csvLogger: target is ${shown(target)}, needs a file name or a function`);
  }
  checkOptions("csvLogger", options, ["append", "separator"]);
  const { append = false, separator = "," } = options;
  checkFlag("csvLogger", "append", append);
  if (typeof separator !== "string" || separator === "") throw new TypeError(`csvLogger: separator is ${shown(separator)}, needs a string`);
  let columns: readonly string[] | undefined;
  let write: TextSink;
  let hasHeading = false;
  const row = (cells: readonly string[]) => `${cells.map((cell) => quoted(cell, separator)).join(separator)}\n`;
  return {
    async onTrainBegin() {
      columns = undefined;
      hasHeading = false;
      if (typeof target === "function") write = target;
      else ({ write, hasHeading } = await openFile(target, append));
    },
    async onEpochEnd(epoch, logs) {
      columns ??= Object.keys(logs);
      const heading = hasHeading ? "" : row(["epoch", ...columns]);
      hasHeading = true;
      await write(heading + row([String(epoch), ...columns.map((column) => String(logs[column] ?? ""))]));
    },
  };
}

async function openFile(path: string, append: boolean): Promise<{ write: TextSink; hasHeading: boolean }> {
  const { appendFile, stat, writeFile } = await nodeModule("node:fs/promises");
  if (!append) await writeFile(path, "");
  else await appendFile(path, "");
  return { write: (text) => appendFile(path, text), hasHeading: (await stat(path)).size > 0 };
}

function quoted(cell: string, separator: string): string {
  return cell.includes(separator) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
