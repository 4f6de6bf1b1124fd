/** Node's own modules, reached so that no bundler follows: what is made for a page never asks for them. */
interface NodeModules {
  readonly "node:fs": typeof import("node:fs");
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:path": typeof import("node:path");
  readonly "node:url": typeof import("node:url");
  readonly "node:worker_threads": typeof import("node:worker_threads");
  readonly "node:zlib": typeof import("node:zlib");
}

/** What Node has; undefined outside Node. An `import` would be followed or warned of by bundlers, whatever it is written like. */
export function builtinModule<N extends keyof NodeModules>(name: N): NodeModules[N] | undefined {
  return globalThis.process?.getBuiltinModule?.(name);
}

/** Rejects outside Node, and in Node before 20.16. */
export async function nodeModule<N extends keyof NodeModules>(name: N): Promise<NodeModules[N]> {
  const found = builtinModule(name);
  if (found === undefined) throw new Error(`${name} is a module of Node from version 20.16 on, which this is not`);
  return found;
}
