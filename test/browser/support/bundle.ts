/** TypeScript of the repository as one module for a page. */
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** What imports the library's sources gets the built library, as users do. */
const builtLibrary: Plugin = {
  name: "built library",
  setup: ({ onResolve }) => onResolve({ filter: /\/src\/index\.ts$/ }, () => ({ path: "/dist/index.js", external: true })),
};

/**
 * `code` may import files by paths from the repository's root; the library is /dist/index.js. Node's hash becomes sha256.ts, which is
 * synchronous as it is.
 */
export async function bundle(code: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: root, loader: "ts" },
    alias: { "node:crypto": "./test/browser/support/sha256.ts" },
    plugins: [builtLibrary],
    // package.json says that imports have no effects; inPage.ts is there for its own.
    ignoreAnnotations: true,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}
