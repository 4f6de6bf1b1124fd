/** What the command line says. */
import { commandLine } from "./commandLine.ts";
import { type Selection, SUITES, type Suite } from "./selection.ts";

export interface BenchOptions extends Selection {
  /** Prints the time of every record of a training step instead. */
  readonly profile: boolean;
  /** Prints what must be reached, and fails where it is not. */
  readonly floors: boolean;
  /** Writes the README's table. */
  readonly readme: boolean;
  /** File of a model to measure instead. */
  readonly model?: string;
  /** Files to write. */
  readonly json?: string;
  readonly markdown?: string;
  readonly html: string;
}

export const USAGE = `npm run bench -- [options]
  --suite ${SUITES.join("|")}   only this suite; several with commas between
  --case NAME       only this case: a name that the tables show, or any conv_CIN_COUT_WINDOW_STRIDE_PAD_SIZE_GROUPS[@BATCH]
  --short           some cases of every suite in few samples (at most 30 s)
  --profile         where the time of a training step of mnist_cnn goes, record by record
  --model FILE      a .safetensors model of yours instead: inference, training where it is compiled, time per layer
  --floors          what must be reached, what is chased, what this run reached; fails where a floor is missed
  --readme          writes the table of README.md, with date and machine, from the suites inference and training
  --json FILE       { environment, rows, growth, layers, notRun, problems }
  --markdown FILE   the tables
  --html FILE       the page with charts, instead of build/bench.html
  --help            this text`;

/** TypeError where an option is unknown or lacks its value. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const [text, flag] = [{ type: "string" }, { type: "boolean" }] as const;
  const options = {
    suite: text,
    case: text,
    model: text,
    json: text,
    markdown: text,
    html: text,
    short: flag,
    profile: flag,
    floors: flag,
    readme: flag,
  } as const;
  const {
    suite,
    short = false,
    profile = false,
    floors = false,
    readme = false,
    html = "build/bench.html",
    ...files
  } = commandLine(args, options, USAGE);
  if (files.model !== undefined && (suite ?? files.case) !== undefined) throw new TypeError(`--model goes with neither --suite nor --case\n${USAGE}`);
  const suites = suite?.split(",") ?? [...SUITES];
  if (!suites.every(isSuite)) throw new TypeError(`--suite ${suite}: it is one of ${SUITES.join(", ")}`);
  return { suites: files.model === undefined ? suites : ["model"], short, profile, floors, readme, html, ...files };
}

function isSuite(name: string): name is Suite {
  return (SUITES as readonly string[]).includes(name);
}
