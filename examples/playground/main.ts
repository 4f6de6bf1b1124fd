/** The playground: three parts, of which the address says which is open and what it shows. */
import { DigitsPage } from "./digits/page.ts";
import { OwnPage } from "./own/page.ts";
import { OxPage } from "./ox/page.ts";
import { byId } from "./ui/dom.ts";
import { flushHash, readHash, writeHash } from "./ui/hash.ts";

const PARTS = ["ox", "digits", "own"] as const;
type Part = (typeof PARTS)[number];

let part: Part = "ox";
const opened = new Set<Part>();

/** Only the open part writes the address. */
const changedIn = (own: Part) => (hash: Record<string, string>) => {
  if (part === own) writeHash(hash);
};

const pages = {
  ox: new OxPage(changedIn("ox")),
  digits: new DigitsPage(changedIn("digits")),
  own: new OwnPage(),
};

function show(next: Part): void {
  part = next;
  for (const name of PARTS) byId(`part-${name}`).hidden = name !== part;
  for (const link of document.querySelectorAll<HTMLElement>("[data-part]")) {
    if (link.dataset.part === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function open(hash: URLSearchParams): Promise<void> {
  const wanted = PARTS.find((name) => name === hash.get("part")) ?? "ox";
  show(wanted);
  opened.add(wanted);
  if (wanted !== "own") await pages[wanted].open(hash);
}

/** A part that was open already is as it was left. */
async function turnTo(next: Part): Promise<void> {
  flushHash();
  show(next);
  writeHash(pages[next].hash);
  flushHash();
  if (!opened.has(next)) await open(readHash());
}

for (const link of document.querySelectorAll<HTMLElement>("[data-part]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    void turnTo(link.dataset.part as Part);
  });
}
addEventListener("hashchange", () => void open(readHash()));
addEventListener("pagehide", () => flushHash());
await open(readHash());
byId("playground").dataset.ready = "true";
