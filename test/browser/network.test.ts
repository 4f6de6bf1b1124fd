/** `load(url)` where the network gives something else than the model. */
import { describe, expect } from "vitest";
import type { Answer } from "./support/site.ts";
import type { Open, Tab } from "./support/test.ts";
import { test } from "./support/test.ts";

/** The small model's file, made in a page. */
async function modelFile(tab: Tab): Promise<Buffer> {
  return Buffer.from(await tab.page.evaluate(() => [...kit.smallModel().toBytes()]));
}

/** What `load("/model.safetensors")` rejects with, or that it works; and whether the page can still load a sound one. */
async function loading(site: { answers: Record<string, Answer> }, open: Open, change: (bytes: Buffer) => Answer) {
  const tab = await open("/kit.html");
  const bytes = await modelFile(tab);
  site.answers["/model.safetensors"] = change(bytes);
  const load = () =>
    tab.page.evaluate(async () => {
      try {
        const model = await kit.convlet.load("/model.safetensors");
        const { data } = await model.predict(kit.drawings().x);
        model.dispose();
        return `works: ${data.length}`;
      } catch (reason) {
        return `${(reason as Error).name}: ${(reason as Error).message}`;
      }
    });
  const result = await load();
  site.answers["/model.safetensors"] = { body: bytes };
  expect(await load()).toBe("works: 36");
  return { tab, result };
}

describe("load(url)", () => {
  test("a sound model, whatever its MIME type", async ({ site, open }) => {
    for (const type of ["application/octet-stream", "text/html", "image/png"]) {
      const { result } = await loading(site, open, (body) => ({ body, headers: { "Content-Type": type } }));
      expect([type, result]).toEqual([type, "works: 36"]);
    }
  });

  test("404: says which address answered what", async ({ site, open }) => {
    const { tab, result } = await loading(site, open, () => ({ status: 404, body: "<h1>not here</h1>" }));
    expect(result).toMatch(/^Error: load: \S*\/model\.safetensors answered 404/);
    expect(tab.taken(/404/)).toHaveLength(2);
  });

  test("a page of HTML with status 200: says that it is none", async ({ site, open }) => {
    const page = '<!doctype html><html lang="en"><title>Log in</title><p>Please log in first.</p></html>';
    const { tab, result } = await loading(site, open, () => ({ body: page, headers: { "Content-Type": "text/html" } }));
    expect(result).toMatch(/^FileFormatError: .*model\.safetensors.*HTML/);
    // `load` lets go of an answer that it does not want: a browser that had not read all of it calls that aborted.
    tab.taken(/model\.safetensors net::ERR_ABORTED/);
    // Answers of strangers do not belong in messages.
    expect(result).not.toContain("log in");
  });

  test("the connection ends in the middle of the file", async ({ site, open }) => {
    const { tab, result } = await loading(site, open, (body) => ({ body, cutAfter: body.length >> 1 }));
    expect(result).toMatch(/Error: .*model\.safetensors/);
    expect(tab.taken(/CONTENT_LENGTH_MISMATCH|INCOMPLETE|model\.safetensors/).length).toBeGreaterThan(0);
  });

  test("a server that ends in the middle and calls it the whole", async ({ site, open }) => {
    const { result } = await loading(site, open, (body) => ({ body: body.subarray(0, body.length >> 1) }));
    expect(result).toMatch(/^FileFormatError: .*model\.safetensors/);
  });

  test("nothing at all", async ({ site, open }) => {
    const { result } = await loading(site, open, () => ({ body: "" }));
    expect(result).toMatch(/^FileFormatError: .*model\.safetensors/);
  });

  test("slow", async ({ site, open }) => {
    const { result } = await loading(site, open, (body) => ({ body, delay: 1500 }));
    expect(result).toBe("works: 36");
  });

  test("offline: says which address could not be had, and works again later; a loaded model goes on", async ({ site, open }) => {
    const tab = await open("/kit.html");
    site.answers["/model.safetensors"] = { body: await modelFile(tab) };
    await tab.context.setOffline(true);
    const found = await tab.page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const model = kit.smallModel();
      await model.fit(x, y, { epochs: 60, verbose: 0 });
      const { accuracy } = await model.evaluate(x, y);
      const refusal = await kit.convlet.load("/model.safetensors").catch((reason: Error) => reason.message);
      return { accuracy, refusal };
    });
    expect(found).toEqual({ accuracy: 1, refusal: expect.stringMatching(/^load: \S*model\.safetensors/) });
    expect(tab.taken(/ERR_INTERNET_DISCONNECTED/).length).toBeGreaterThan(0);
    await tab.context.setOffline(false);
    expect(await tab.page.evaluate(async () => (await kit.convlet.load("/model.safetensors")).classNames)).toEqual(["O", "X"]);
  });
});
