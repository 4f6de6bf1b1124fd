/** The page: starts a worker for each case, draws what it finds, gives the figures away. */
import { environment, type Row, significant } from "../../bench/report.ts";
import { type Fact, facts, THREADS } from "./browser.ts";
import { drawCase, element, machineName } from "./chart.ts";
import { type Answer, type Depth, type Findings, type Item, type Order, PLAN, SUITES, type Suite } from "./plan.ts";
import { Results } from "./result.ts";

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const run = find<HTMLButtonElement>("run");
const progress = find<HTMLProgressElement>("progress");
const status = find("status");
const known: readonly Fact[] = facts();

const places = new Map<Item, HTMLElement>();
let results = new Results(known);
let stop: (() => void) | undefined;

run.addEventListener("click", () => {
  if (stop === undefined) void measureAll();
  else stop();
});
find("copy").addEventListener("click", () => void copyMarkdown());
find("download").addEventListener("click", () => void downloadJson());
showFacts();
showPlan();

function showFacts(): void {
  for (const { name, value } of known) {
    const pair = element("div");
    pair.append(element("dt", "", name), element("dd", "", value));
    find("facts").append(pair);
  }
}

function showPlan(): void {
  for (const suite of Object.keys(SUITES) as Suite[]) {
    const section = element("section");
    section.append(element("h2", "", SUITES[suite].title), element("p", "soft", SUITES[suite].about));
    for (const item of PLAN.filter((each) => each.suite === suite)) {
      const place = element("div", "case");
      places.set(item, place);
      section.append(place);
    }
    find("results").append(section);
  }
  mark("not measured yet");
}

/** Empties all cases, with a word on why. */
function mark(state: string): void {
  for (const [item, place] of places) place.replaceChildren(element("h3", "", item.title), element("p", "soft waiting", state));
}

async function measureAll(): Promise<void> {
  begin();
  try {
    for (const [index, item] of PLAN.entries()) {
      progress.value = index / PLAN.length;
      status.textContent = `${index + 1} of ${PLAN.length}. ${SUITES[item.suite].title}: ${item.title}`;
      const findings = await measureOne(item);
      if (findings === undefined) return end("Stopped.");
      results.add(findings);
      show(item, findings);
    }
    end(`Done. ${results.equality()}`);
  } catch (reason) {
    find("error").textContent = `The benchmark ended with an error: ${(reason as Error).message}`;
    find("error").hidden = false;
    end("Ended with an error.");
  }
}

/** Undefined when the visitor stopped it. Each case has a worker of its own: it ends at once and takes its memory with it. */
function measureOne(item: Item): Promise<Findings | undefined> {
  const place = places.get(item)!;
  place.classList.add("running");
  place.querySelector(".waiting")!.textContent = "measuring …";
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const found = new Promise<Findings | undefined>((resolve, reject) => {
    stop = () => resolve(undefined);
    worker.onmessage = ({ data }: MessageEvent<Answer>) => ("findings" in data ? resolve(data.findings) : reject(new Error(data.error)));
    worker.onerror = ({ message }) => reject(new Error(message || "the worker did not start"));
  });
  const depth = new FormData(find<HTMLFormElement>("options")).get("depth") as Depth;
  const canThread = known.some(({ name, value }) => name === "Threads" && value === THREADS);
  worker.postMessage({ item, depth, threads: canThread ? "run" : "leave out" } satisfies Order);
  return found.finally(() => {
    worker.terminate();
    place.classList.remove("running");
  });
}

function begin(): void {
  results = new Results(known);
  run.textContent = "Stop";
  run.classList.remove("primary");
  progress.hidden = false;
  for (const id of ["error", "verdict", "take", "markdown", "figures"]) find(id).hidden = true;
  mark("waiting");
}

function end(message: string): void {
  stop = undefined;
  run.textContent = "Run again";
  run.classList.add("primary");
  progress.hidden = true;
  status.textContent = message;
  for (const waiting of find("results").querySelectorAll(".waiting")) waiting.textContent = "not measured";
  const hasRows = results.rows.length > 0;
  find("take").hidden = !hasRows;
  find("figures").hidden = !hasRows;
  find("rows").replaceChildren(...results.rows.map(tableRow));
  find("verdict").textContent = results.verdict();
  find("verdict").hidden = results.verdict() === "";
}

function show(item: Item, { rows, notRun, problems }: Findings): void {
  const place = places.get(item)!;
  drawCase(place, item, rows);
  for (const line of notRun) place.append(element("small", "", notRunText(item, line)));
  place.append(...problems.map((line) => element("p", "error", line)));
}

/** The bench's line, without what the page has said already. */
function notRunText(item: Item, line: string): string {
  const text = line.replace(`${item.case} `, "").replace("convlet-plain", "JavaScript, obvious loops").replace("convlet relaxed", "WASM relaxed");
  return `Not run: ${text.replace(", --short", "; choose thorough")}`;
}

function tableRow(row: Row): HTMLElement {
  const { medianMs, minMs, rate, unit, checked } = row;
  const times = [significant(medianMs), significant(minMs), `${significant(rate)} ${unit}`];
  const made = element("tr");
  const name = element("th", "", row.case);
  name.setAttribute("scope", "row");
  made.append(name, ...[machineName(row), ...times, checked ? "yes" : "no"].map((text) => element("td", "", text)));
  return made;
}

async function copyMarkdown(): Promise<void> {
  const text = results.markdown(await environment());
  try {
    await navigator.clipboard.writeText(text);
    status.textContent = "Copied.";
  } catch {
    // A page without a secure origin, or a visitor who refused: the text, to copy by hand.
    const area = find<HTMLTextAreaElement>("markdown");
    area.value = text;
    area.hidden = false;
    area.select();
    status.textContent = "This browser does not let the page copy. The text is selected: copy it with Ctrl+C.";
  }
}

async function downloadJson(): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([results.json(await environment())], { type: "application/json" }));
  link.download = "convlet-bench.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  status.textContent = "Downloaded as convlet-bench.json.";
}
