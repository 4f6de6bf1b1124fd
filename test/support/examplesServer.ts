/** The scripts of the example pages, with types. */
import type { Server } from "node:http";
// @ts-expect-error: a script without types; they stand below.
import * as examples from "../../scripts/examples.mjs";
// @ts-expect-error: a script without types; they stand below.
import * as scripts from "../../scripts/serve.mjs";

export interface ServeOptions {
  /** 0: any free one. */
  readonly port?: number;
  /** With COOP and COEP ("isolated", the default) or without ("none"). */
  readonly isolation?: "isolated" | "none";
}

/** Serves a folder on 127.0.0.1. `url` ends with "/". */
export const serve = scripts.serveFolder as (folder: string, options?: ServeOptions) => Promise<{ server: Server; url: string }>;

/** What `npm run examples` makes of its words. Throws a RangeError for what it does not know. */
export const parseArgs = examples.parseArgs as (words: readonly string[]) => { port?: number; isolation: "isolated" | "none"; help: boolean };
