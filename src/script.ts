/** Public names of the file for a script tag: those of the library, and what its workers need. No code. */
export * from "./index.ts";
export { serveModels } from "./remote/host.ts";
export { library } from "./remote/library.ts";
export { ownScript } from "./remote/ownScript.ts";
