import { afterEach, expect, test, vi } from "vitest";
import { startBrowserWorker } from "../src/machine/browserWorker.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What the library calls of a Worker; it does nothing by itself. */
class SilentWorker {
  static last: SilentWorker;
  onmessage?: (event: { data: unknown }) => void;
  terminated = 0;
  constructor() {
    SilentWorker.last = this;
  }
  terminate(): void {
    this.terminated++;
  }
}

function started() {
  vi.useFakeTimers();
  vi.stubGlobal("Worker", SilentWorker);
  const ended: string[] = [];
  const worker = startBrowserWorker("", { message: () => {}, end: (reason) => ended.push(reason) });
  return { worker, ended };
}

test("a worker of which nothing is heard is given up after 10 s", async () => {
  const { worker, ended } = started();
  const refused = expect(worker).rejects.toThrow("it did not begin within 10 s");
  vi.advanceTimersByTime(9_999);
  expect(SilentWorker.last.terminated).toBe(0);
  vi.advanceTimersByTime(1);
  await refused;
  expect([SilentWorker.last.terminated, ended]).toEqual([1, ["it did not begin within 10 s"]]);
});

test("one that has begun may be silent for as long as it likes", async () => {
  const { worker, ended } = started();
  SilentWorker.last.onmessage!({ data: "here" });
  await worker;
  vi.advanceTimersByTime(60_000);
  expect([SilentWorker.last.terminated, ended]).toEqual([0, []]);
});
