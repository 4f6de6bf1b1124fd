/** TypeScript of the repository as one module for a page. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** `code` may import files by paths from the repository's root. Node's hash becomes sha256.ts, which is synchronous as it is. */
export async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    alias: { "node:crypto": "./test/browser/support/sha256.ts" },
    external: ["node:*"],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}
