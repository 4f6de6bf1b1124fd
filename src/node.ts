/** Public names for Node: all of the main entry, and what needs a file system. No code. */

export { writeAtomically } from "./formats/files.ts";
export * from "./index.ts";
