/** The playground: three parts, of which the address says which is open and what it shows. */

import { OxPage } from "./ox/page.ts";
import { byId } from "./ui/dom.ts";
import { flushHash, readHash, writeHash } from "./ui/hash.ts";

const ox = new OxPage((hash) => writeHash(hash));

async function open(): Promise<void> {
  await ox.open(readHash());
}

addEventListener("hashchange", () => void open());
addEventListener("pagehide", () => flushHash());
await open();
byId("playground").dataset.ready = "true";
