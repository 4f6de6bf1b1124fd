/** What the command line of `npm run bench:rivals` says. */
import { commandLine } from "../commandLine.ts";
import { CONTENDERS, type Contender } from "./engine.ts";
import type { Limits } from "./measure.ts";
import { parseRivalCase, RIVAL_CASES } from "./workload.ts";

export interface RivalOptions {
  readonly cases: readonly string[];
  readonly contenders: readonly Contender[];
  readonly limits: Limits;
  /** Fresh processes per engine, from import to first prediction; none where only some cases are asked for. */
  readonly coldStarts: number;
  /** Files to write. */
  readonly json?: string;
  readonly markdown?: string;
  readonly html: string;
  /** Prints what must be reached, and fails where it is not. */
  readonly floors: boolean;
  /** Writes the README's table. */
  readonly readme: boolean;
}

const USAGE = `npm run bench:rivals -- [options]
  --case NAME[,NAME…]     only these: ${RIVAL_CASES.join(", ")}, or any conv_CIN_COUT_WINDOW_STRIDE_PAD_SIZE_GROUPS[@BATCH]
  --engine NAME[,NAME…]   only these beside convlet: ${[...new Set(CONTENDERS.map(({ engine }) => engine))].slice(1).join(", ")}
  --short                 two cases in few samples (less than a minute)
  --floors                what must be reached, what is chased, what this run reached; fails where a floor is missed
  --readme                writes the table of README.md, with date and machine
  --json FILE             { environment, rows, coldStarts, references, floors, notes }
  --markdown FILE         the tables
  --html FILE             the page with charts, instead of build/rivals.html
  --help                  this text`;

const SHORT_CASES = ["conv_64_64_3_1_1_56_1", "mnist_cnn@1"];

/** TypeError where an option is unknown, lacks its value or names nothing. */
export function parseRivalOptions(args: readonly string[]): RivalOptions {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { case: text, engine: text, json: text, markdown: text, html: text, short: flag, floors: flag, readme: flag } as const;
  const values = commandLine(args, options, USAGE);
  const { short = false, floors = false, readme = false, html = "build/rivals.html", json, markdown } = values;
  if (readme && (short || values.case !== undefined || values.engine !== undefined)) {
    throw new TypeError(`--readme takes a whole run: it goes without --short, --case and --engine\n${USAGE}`);
  }
  const cases = values.case?.split(",") ?? (short ? SHORT_CASES : RIVAL_CASES);
  for (const name of cases) parseRivalCase(name);
  const engines = values.engine?.split(",");
  for (const engine of engines ?? []) {
    if (!CONTENDERS.some((each) => each.engine === engine)) throw new TypeError(`--engine ${engine}: no such engine\n${USAGE}`);
  }
  return {
    cases,
    contenders: CONTENDERS.filter(({ engine }) => engine === "convlet" || (engines?.includes(engine) ?? true)),
    limits: short ? { minTimeMs: 100, minRuns: 5, warmUpMs: 100, maxTimeMs: 1000 } : { minTimeMs: 1000, minRuns: 9, warmUpMs: 500, maxTimeMs: 5000 },
    coldStarts: values.case !== undefined || values.engine !== undefined ? 0 : short ? 10 : 20,
    ...{ html, floors, readme },
    ...(json !== undefined && { json }),
    ...(markdown !== undefined && { markdown }),
  };
}
