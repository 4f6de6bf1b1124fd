/** A process of one engine: reads a request a line, prepares a case, times calls. main.ts starts it; pytorch.py is the same in Python. */
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Contender, type EngineName, type Prepare, type Prepared, type Result, Unsupported } from "./engine.ts";
import { ANSWER, type Answer, type Request } from "./protocol.ts";
import { workloadOf } from "./workload.ts";

const ENGINES: Readonly<Record<Exclude<EngineName, "pytorch">, () => Promise<{ prepare: Prepare }>>> = {
  convlet: () => import("./convlet.ts"),
  "onnxruntime-web": () => import("./onnxruntime-web.ts"),
  "onnxruntime-node": () => import("./onnxruntime-node.ts"),
  "tfjs-wasm": () => import("./tfjs-wasm.ts"),
  "tfjs-cpu": () => import("./tfjs-cpu.ts"),
  "jax-js": () => import("./jax-js.ts"),
  convnetjs: () => import("./convnetjs.ts"),
};

let prepared: Prepared | undefined;
/** What the last call gave. */
let last: Result = 0;

async function answer(request: Request): Promise<Answer> {
  if (request.do === "prepare") {
    const { engine } = request.contender;
    if (engine === "pytorch") throw new Error("internal: pytorch is not a JavaScript engine");
    prepared = await prepare(ENGINES[engine], request.contender, request.case);
    return { hasLogits: prepared.logits !== undefined };
  }
  if (prepared === undefined) throw new Error("internal: not prepared");
  if (request.do === "sample") return await sample(prepared, request);
  const output = prepared.logits?.() ?? prepared.toTable!(last as ArrayLike<number>);
  writeFileSync(request.file, new Uint8Array(output.buffer, output.byteOffset, output.byteLength));
  return {};
}

async function prepare(load: () => Promise<{ prepare: Prepare }>, contender: Contender, name: string): Promise<Prepared> {
  return (await load()).prepare(workloadOf(name), contender);
}

async function sample(engine: Prepared, { calls, settle }: { calls: number; settle: boolean }): Promise<Answer> {
  // Other processes ran since: the first call finds its data in no cache.
  if (settle) await engine.run();
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let call = 0; call < calls; call++) {
    const result = engine.run();
    last = result instanceof Promise ? await result : result;
  }
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, ...(typeof last === "number" && { loss: last }) };
}

// What packages print must not come between the answers.
console.log = console.error;
console.info = console.error;
for await (const line of createInterface({ input: process.stdin })) {
  let result: Answer;
  try {
    result = await answer(JSON.parse(line));
  } catch (reason) {
    const { message } = reason as Error;
    result = reason instanceof Unsupported ? { unsupported: message } : { error: message };
  }
  process.stdout.write(`${ANSWER}${JSON.stringify(result)}\n`);
}
// onnxruntime-web's threads would keep the process.
process.exit(0);
