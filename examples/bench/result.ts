/** What a run has found, to look at and to take away. */
import { type Environment, markdown, type Row } from "../../bench/report.ts";
import { browserName, type Fact } from "./browser.ts";
import type { Findings } from "./plan.ts";

export class Results {
  readonly rows: Row[] = [];
  readonly notRun: string[] = [];
  readonly problems: string[] = [];

  constructor(private readonly facts: readonly Fact[]) {}

  add({ rows, notRun, problems }: Findings): void {
    // The name that a browser gives itself is longer than a line.
    this.rows.push(...rows.map((row) => ({ ...row, runtime: browserName(row.runtime) })));
    this.notRun.push(...notRun);
    this.problems.push(...problems);
  }

  markdown(environment: Environment): string {
    const lists = [
      this.facts.map(({ name, value }) => `- ${name}: ${value}`),
      this.notRun.map((line) => `- not run: ${line}`),
      this.problems.map((line) => `- **${line}**`),
    ];
    const texts = lists.filter((list) => list.length > 0).map((list) => `${list.join("\n")}\n`);
    return [markdown({ ...environment, runtime: browserName(environment.runtime) }, this.rows), ...texts].join("\n");
  }

  json(environment: Environment): string {
    const { facts, rows, notRun, problems } = this;
    return `${JSON.stringify({ environment, facts, rows, notRun, problems }, null, 2)}\n`;
  }

  /** What WebAssembly is worth here, in a sentence; "" until the training of the digit network was measured. */
  verdict(): string {
    const rows = this.rows.filter((row) => row.case === "mnist_cnn-train@64");
    const tuned = rows.find(({ engine }) => engine === "bench-js");
    const [best] = rows.filter(({ engine }) => engine === "convlet").sort((a, b) => b.rate - a.rate);
    if (tuned === undefined || best === undefined) return "";
    const images = Math.round(best.rate).toLocaleString("en");
    const times = (best.rate / tuned.rate).toFixed(1);
    return `This browser trains the digit network on ${images} images a second, ${times} times as fast as tuned JavaScript.`;
  }

  /** Whether all machines computed the same. */
  equality(): string {
    if (this.problems.length > 0) return "Not all machines computed the same numbers: see the red notes.";
    if (this.rows.some(({ checked }) => !checked)) return "Some numbers could not be compared: see the table of all figures.";
    return "All machines computed the same numbers, up to rounding.";
  }
}
