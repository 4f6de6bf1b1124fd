import { afterEach, expect, test, vi } from "vitest";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What the library calls of a Worker; it does nothing by itself. */
class SilentWorker {
  static last: SilentWorker;
  static made = 0;
  onmessage?: (event: { data: unknown }) => void;
  terminated = 0;
  constructor() {
    SilentWorker.last = this;
    SilentWorker.made++;
  }
  terminate(): void {
    this.terminated++;
  }
}

/** In a page of its own. */
async function started() {
  vi.resetModules();
  const { startBrowserWorker } = await import("../src/machine/browserWorker.ts");
  vi.useFakeTimers();
  vi.stubGlobal("Worker", SilentWorker);
  const ended: string[] = [];
  const start = () => startBrowserWorker("", { message: () => {}, end: (reason) => ended.push(reason) });
  return { start, worker: start(), ended };
}

test("a worker of which nothing is heard is given up after 10 s", async () => {
  const { worker, ended } = await started();
  const refused = expect(worker).rejects.toThrow("it did not begin within 10 s");
  vi.advanceTimersByTime(9_999);
  expect(SilentWorker.last.terminated).toBe(0);
  vi.advanceTimersByTime(1);
  await refused;
  expect([SilentWorker.last.terminated, ended]).toEqual([1, ["it did not begin within 10 s"]]);
});

test("where the first is refused no other is made, neither meanwhile nor later", async () => {
  const { start, worker, ended } = await started();
  const { made } = SilentWorker;
  const refused = (each: Promise<unknown>) => expect(each).rejects.toThrow("it did not begin within 10 s");
  const both = [worker, start()].map(refused);
  vi.advanceTimersByTime(10_000);
  await Promise.all(both);
  await refused(start());
  expect([SilentWorker.made, ended.length]).toEqual([made, 3]);
});

test("the second is made when the first has begun", async () => {
  const { start, worker } = await started();
  const { made } = SilentWorker;
  const second = start();
  expect(SilentWorker.made).toBe(made);
  SilentWorker.last.onmessage!({ data: "here" });
  await worker;
  await vi.waitFor(() => expect(SilentWorker.made).toBe(made + 1));
  SilentWorker.last.onmessage!({ data: "here" });
  await second;
});

test("one that has begun may be silent for as long as it likes", async () => {
  const { worker, ended } = await started();
  SilentWorker.last.onmessage!({ data: "here" });
  await worker;
  vi.advanceTimersByTime(60_000);
  expect([SilentWorker.last.terminated, ended]).toEqual([0, []]);
});
