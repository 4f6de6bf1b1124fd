/** The bench's end of a worker process. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Contender, titleOf, Unsupported } from "./engine.ts";
import { ANSWER, type Answer, type Request } from "./protocol.ts";

export interface Sample {
  readonly ms: number;
  readonly cpuMs: number;
  readonly loss?: number;
}

export class WorkerProcess {
  private readonly child: ChildProcess;
  private settle: { resolve: (answer: Answer) => void; reject: (reason: Error) => void } | undefined;
  /** The last lines that are no answers. */
  private readonly said: string[] = [];

  constructor(
    readonly contender: Contender,
    command: readonly [string, ...string[]],
  ) {
    const [program, ...args] = command;
    // One thread where nothing else is asked for: some libraries take as many as there are cores before they are told.
    const threads = String(contender.threads);
    const env = { ...process.env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads, MKL_NUM_THREADS: threads };
    this.child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env });
    createInterface({ input: this.child.stdout! }).on("line", (line) => this.hear(line));
    createInterface({ input: this.child.stderr! }).on("line", (line) => this.remember(line));
    this.child.on("error", (reason) => this.settle?.reject(reason));
    this.child.on("exit", (code, signal) => {
      this.settle?.reject(new Error(`${titleOf(contender)} ended with ${signal ?? code}: ${this.said.join(" | ")}`));
    });
  }

  /** Whether the engine gives logits before a step. */
  async prepare(name: string, directory: string): Promise<boolean> {
    return (await this.ask({ do: "prepare", case: name, contender: this.contender, directory })).hasLogits ?? false;
  }

  async sample(calls: number, { settle = false } = {}): Promise<Sample> {
    const { ms, cpuMs, loss } = await this.ask({ do: "sample", calls, settle });
    return { ms: ms!, cpuMs: cpuMs!, ...(loss !== undefined && { loss }) };
  }

  async writeOutput(file: string): Promise<void> {
    await this.ask({ do: "output", file });
  }

  stop(): void {
    this.settle = undefined;
    this.child.kill("SIGKILL");
  }

  private async ask(request: Request): Promise<Answer> {
    if (this.child.exitCode !== null) throw new Error(`${titleOf(this.contender)} has ended: ${this.said.join(" | ")}`);
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.settle = { resolve, reject };
      this.child.stdin!.write(`${JSON.stringify(request)}\n`);
    });
    this.settle = undefined;
    if (answer.unsupported !== undefined) throw new Unsupported(answer.unsupported);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  private hear(line: string): void {
    if (line.startsWith(ANSWER)) this.settle?.resolve(JSON.parse(line.slice(ANSWER.length)));
    else this.remember(line);
  }

  private remember(line: string): void {
    this.said.push(line);
    if (this.said.length > 5) this.said.shift();
  }
}
