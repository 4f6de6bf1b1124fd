/** Public names of the module in dist/index.js: those of the library, and what its workers need. No code. */
export * from "./index.ts";
export { library } from "./remote/library.ts";
