/** The playground: three parts, of which the address says which is open and what it shows. */
import { DigitsPage } from "./digits/page.ts";
import { OwnPage } from "./own/page.ts";
import { OxPage } from "./ox/page.ts";
import { byId } from "./ui/dom.ts";
import { flushHash, isOwnEntry, pushHash, readHash, writeHash } from "./ui/hash.ts";

const PARTS = ["ox", "digits", "own"] as const;
type Part = (typeof PARTS)[number];

let part: Part = "ox";

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
  document.title = `${byId(`${part}-heading`).textContent} · See a CNN think · convlet`;
  for (const name of PARTS) byId(`part-${name}`).hidden = name !== part;
  for (const link of document.querySelectorAll<HTMLElement>("[data-part]")) {
    if (link.dataset.part === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function partOf(hash: URLSearchParams): Part {
  return PARTS.find((name) => name === hash.get("part")) ?? "ox";
}

async function open(hash: URLSearchParams): Promise<void> {
  const wanted = partOf(hash);
  show(wanted);
  if (wanted !== "own") await pages[wanted].open(hash);
}

async function turnTo(next: Part): Promise<void> {
  if (next === part) return;
  pushHash(pages[part].hash, pages[next].hash);
  if (pages[next].isOpen) show(next);
  else await open(readHash());
}

/** Back and Forward between parts: one that was open already is as it was left. */
async function moved(): Promise<void> {
  const next = partOf(readHash());
  if (next === part || !pages[next].isOpen || !isOwnEntry()) return open(readHash());
  show(next);
  writeHash(pages[next].hash);
}

for (const link of document.querySelectorAll<HTMLElement>("[data-part]")) {
  link.addEventListener("click", (event) => {
    // In another tab or window the browser opens it.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void turnTo(link.dataset.part as Part);
  });
}
addEventListener("hashchange", () => void moved());
addEventListener("pagehide", () => flushHash());
await open(readHash());
byId("playground").dataset.ready = "true";
