/** Both ends of a worker's wire, over a MessageChannel: no worker is needed to see what travels. */
import { afterEach, describe, expect, test } from "vitest";
import { FileFormatError } from "../../src/index.ts";
import { library } from "../../src/remote/library.ts";
import { assembled, Parts, sentInParts } from "../../src/remote/parts.ts";
import { type Handlers, Wire, type WirePort } from "../../src/remote/wire.ts";

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** Two wires; `far` answers the near one's calls. */
function pair(far: Handlers, answers: "move" | "copy" = "copy") {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const near = new Wire(port1 as unknown as WirePort, {}, "copy", library.errors);
  return { near, other: new Wire(port2 as unknown as WirePort, far, answers, library.errors) };
}

describe("a call", () => {
  test("gives what the other side gives, whatever the order of the answers", async () => {
    const { near } = pair({ after: (ms: number, value: unknown) => new Promise((resolve) => setTimeout(resolve, ms, value)) });
    expect(await Promise.all([near.call("after", [20, "late"]), near.call("after", [0, { early: [1, 2] }])])).toEqual(["late", { early: [1, 2] }]);
  });

  test.each([
    ["TypeError", TypeError],
    ["RangeError", RangeError],
    ["FileFormatError", FileFormatError],
    ["Error", Error],
  ])("an error arrives as what it was: %s", async (name, Kind) => {
    const { near } = pair({
      fail: () => {
        throw new Kind("conv1: 3 is too few");
      },
    });
    const error = await near.call("fail", []).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(Kind);
    expect(error).toMatchObject({ name, message: "conv1: 3 is too few" });
  });

  test.each(["toString", "constructor", "__proto__", "SyntaxError"])("an error of any name arrives as an error: %s", async (name) => {
    const { near } = pair({ fail: () => Promise.reject(Object.assign(new Error("mine"), { name })) });
    const error = await near.call("fail", []).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name, message: "mine" });
  });

  test("an error arrives where Error.prototype is frozen", async () => {
    const { near } = pair({ fail: () => Promise.reject(new SyntaxError("mine")) });
    const before = Object.getOwnPropertyDescriptor(Error.prototype, "name")!;
    Object.defineProperty(Error.prototype, "name", { ...before, writable: false });
    try {
      expect(await near.call("fail", []).catch((reason: Error) => reason)).toMatchObject({ name: "SyntaxError", message: "mine" });
    } finally {
      Object.defineProperty(Error.prototype, "name", before);
    }
  });

  test("what cannot be sent rejects, in both directions, and the next call works", async () => {
    const { near } = pair({ give: () => () => {}, echo: (value: unknown) => value });
    await expect(near.call("echo", [() => {}])).rejects.toThrow(/^a worker cannot be sent what this holds: /);
    await expect(near.call("give", [])).rejects.toThrow(/^a worker cannot be sent what this holds: /);
    expect(await near.call("echo", [7])).toBe(7);
  });

  test("after close every call rejects with its reason, those that wait too", async () => {
    const { near } = pair({ never: () => new Promise(() => {}) });
    const waiting = near.call("never", []);
    near.close(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(near.call("never", [])).rejects.toThrow("gone");
    expect(() => near.send("never", [])).not.toThrow();
  });

  test("answers give their buffers away where they are told to", async () => {
    const [kept, moved] = [new Float32Array([1, 2]), new Float32Array([3, 4])];
    expect(await pair({ give: () => ({ list: [kept] }) }).near.call("give", [])).toEqual({ list: [new Float32Array([1, 2])] });
    expect(await pair({ give: () => ({ list: [moved] }) }, "move").near.call("give", [])).toEqual({ list: [new Float32Array([3, 4])] });
    expect([kept.length, moved.length]).toEqual([2, 0]);
  });
});

describe("large arrays", () => {
  test("arrive whole, wherever they stand, and what is sent meanwhile does too", async () => {
    const parts = new Parts();
    const { near } = pair({
      part: (part: Parameters<Parts["add"]>[0]) => parts.add(part),
      take: (value: unknown) => assembled(value, parts),
    });
    const large = Float32Array.from({ length: 700_001 }, (_, index) => index);
    const bytes = new Uint8Array(2 ** 21 + 3).fill(9);
    const value = { x: { data: large, shape: [1, 700_001] }, list: [bytes, [1, "two", null]], small: new Int16Array([5]) };
    const sent = await sentInParts(value, near);
    expect(JSON.stringify(sent).length).toBeLessThan(400);
    const taken = (await near.call("take", [sent])) as typeof value;
    expect(taken.x.data).toBeInstanceOf(Float32Array);
    // Element by element, as toEqual does it, takes a minute.
    expect(Buffer.compare(new Uint8Array(taken.x.data.buffer), new Uint8Array(large.buffer))).toBe(0);
    expect(Buffer.compare(taken.list[0] as Uint8Array, bytes)).toBe(0);
    expect([taken.x.shape, taken.list[1], taken.small]).toEqual([value.x.shape, value.list[1], value.small]);
    expect(large[700_000]).toBe(700_000);
  });
});
