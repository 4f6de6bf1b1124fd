import { type ParseArgsConfig, parseArgs } from "node:util";

/**
 * The options of a command line. `--help` prints `usage` and ends the process. TypeError, with `usage` behind it, where an option is unknown or lacks
 * its value.
 */
export function commandLine<Options extends NonNullable<ParseArgsConfig["options"]>>(args: readonly string[], options: Options, usage: string) {
  if (args.includes("--help")) {
    console.log(usage);
    process.exit();
  }
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (reason) {
    throw new TypeError(`${(reason as Error).message}\n${usage}`);
  }
}
