import { restore } from "../restore.ts";
import { serve } from "./host.ts";
import type { WirePort } from "./wire.ts";

/** Holds models for whoever is at the other end of `port`. */
export function serveModels(port: WirePort): void {
  serve(port, restore);
}
