/** Node's own modules, reached so that no bundler follows: what is made for a page never asks for them. */
interface NodeModules {
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:path": typeof import("node:path");
  readonly "node:worker_threads": typeof import("node:worker_threads");
}

/** Rejects outside Node. */
export async function nodeModule<N extends keyof NodeModules>(name: N): Promise<NodeModules[N]> {
  // Node before 20.16 has no getBuiltinModule.
  return globalThis.process?.getBuiltinModule?.(name) ?? import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}
