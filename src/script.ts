/** Public names of the file for a script tag: those of the library, and what its workers need. No code. */
export * from "./index.ts";
export { ownScript } from "./remote/ownScript.ts";
export { serveModels } from "./remote/serveModels.ts";
