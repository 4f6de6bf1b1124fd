/** The program of a worker that models live in: `new Worker(url, { type: "module" })` of this entry, or imported by a worker of your own. */
import { serveModels } from "./remote/host.ts";
import { library } from "./remote/library.ts";
import type { WirePort } from "./remote/wire.ts";

if (typeof document === "undefined" && typeof postMessage === "function") serveModels(globalThis as unknown as WirePort, library);
