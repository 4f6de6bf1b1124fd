export interface TourArgs {
  /** Every figure shown, as JSON. */
  readonly json: string | null;
  readonly report: string;
  /** Every stage on less data: for continuous integration. */
  readonly short: boolean;
  readonly seed: number;
}

export const USAGE = `npm start -- [options]
  --json FILE     write every figure shown as JSON
  --report FILE   where the HTML report goes (default build/report.html)
  --short         every stage on less data, in seconds
  --seed N        another split, other first weights (default 1)
  --help          this text`;

/** Throws RangeError with one line of explanation. */
export function parseArgs(words: readonly string[]): TourArgs {
  const args = { json: null as string | null, report: "build/report.html", short: false, seed: 1 };
  for (let index = 0; index < words.length; index++) {
    const [word, inlined] = splitOnce(words[index]!);
    const value = () => inlined ?? words[++index] ?? fail(`${word} needs a value`);
    if (word === "--json") args.json = value();
    else if (word === "--report") args.report = value();
    else if (word === "--short") args.short = true;
    else if (word === "--seed") args.seed = wholeNumber(value());
    else fail(`unknown option ${word}`);
  }
  return args;
}

function splitOnce(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < 0 || value > 0xffffffff)
    fail(`--seed needs a whole number from 0 to 4294967295, got "${text}"`);
  return value;
}

function fail(message: string): never {
  throw new RangeError(message);
}
