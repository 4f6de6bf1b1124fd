/** Models in workers: the same calls and the same bits as on the page's own thread, and what happens when the worker is lost. */
import { describe, expect } from "vitest";
import { type BrowserName, needs, test } from "./support/test.ts";

const browsers: readonly BrowserName[] = ["chromium", "firefox"];

describe.each(browsers)("%s", (browser) => {
  test("every call gives what it gives on the page's thread", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const local = kit.smallModel();
      const remote = await kit.convlet.toWorker(local);
      const { x, y } = kit.drawings();
      const plain = (value: unknown) => JSON.stringify(value, (_, item) => (ArrayBuffer.isView(item) ? Array.from(item as Float32Array) : item));
      /** Length of what both give, or what each of them gives. */
      const both = async (call: (model: typeof local) => unknown) => {
        const [here, there] = [plain(await call(local)), plain(await call(remote as never))];
        return here === there ? here?.length : [here, there];
      };
      const lengths = {
        predict: await both((model) => model.predict(x)),
        predictAll: await both((model) => model.predictAll(x, { batchSize: 7 })),
        activations: await both((model) => model.activations(x)),
        inputGradient: await both((model) => model.inputGradient(x, 1)),
        gradients: await both((model) => model.gradients(x, y)),
        evaluate: await both((model) => model.evaluate(x, y)),
        fit: await both((model) => model.fit(x, y, { epochs: 3, batchSize: 8, validationSplit: 0.2, verbose: 0 })),
        epoch: await both((model) => model.epoch),
        trainOnBatch: await both((model) => model.trainOnBatch(x, y)),
        getWeights: await both((model) => model.getWeights()),
        setWeights: await both(async (model) => {
          const halves = (await model.getWeights()).map(({ data }) => data.map((value) => value / 2));
          await model.setWeights(halves);
          return "set";
        }),
        summary: await both((model) => model.summary()),
        countParams: await both((model) => model.countParams()),
        toBytes: await both((model) => model.toBytes()),
        compile: await both(async (model) => {
          await model.compile({ optimizer: kit.convlet.sgd({ momentum: 0.5 }), loss: kit.convlet.sparseCategoricalCrossentropy() });
          return "compiled";
        }),
        epochAfterwards: await both((model) => model.epoch),
        toBytesAfterwards: await both((model) => model.toBytes()),
      };
      const profile = (await remote.profile(x)).length === (await local.profile(x)).length;
      const source = remote.worker;
      remote.dispose();
      local.dispose();
      const after = await remote.predict(x).catch((reason: Error) => reason.message);
      return { lengths, profile, source, after };
    });
    for (const [name, length] of Object.entries(found.lengths)) expect(length, name).toBeGreaterThan(0);
    expect(found).toMatchObject({ profile: true, source: "file", after: "model: it was disposed; make or load a new one" });
  });
});

describe.each(browsers)("a lost worker, %s", (browser) => {
  test("ended, or broken by an error: calls reject within 5 s, and a new one does for new models", { timeout: 180_000 }, async ({
    open,
    task,
    skip,
  }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    const found = await page.evaluate(async () => {
      const { x, y } = kit.drawings();
      const local = kit.smallModel();
      const message = (promise: Promise<unknown>) => promise.then(String, (reason: Error) => reason.message);
      const results: Record<string, unknown> = {};
      const lose = async (name: string, end: (worker: Worker) => void) => {
        const worker = new Worker("/dist/worker.js", { type: "module" });
        const remote = await kit.convlet.toWorker(local, { worker });
        const calls = [remote.fit(x, y, { epochs: 1e6, verbose: 0 }), remote.predict(x)];
        await calls[1];
        const began = performance.now();
        end(worker);
        results[name] = [await message(calls[0]), await message(remote.predict(x)), performance.now() - began < 5000];
        remote.dispose();
      };
      await lose("ended", (worker) => worker.terminate());
      await lose("broken", (worker) => worker.dispatchEvent(new ErrorEvent("error", { message: "out of memory", cancelable: true })));
      const remote = await kit.convlet.toWorker(local);
      const training = remote.fit(x, y, { epochs: 1e6, verbose: 0 });
      await remote.predict(x);
      remote.dispose();
      results.disposed = await message(training);
      const again = await kit.convlet.toWorker(local);
      results.again = (await again.predict(x)).shape;
      again.dispose();
      return results;
    });
    const lost = (reason: string) => `worker: it was lost (${reason}), and the models in it; load them anew`;
    expect(found).toEqual({
      ended: [lost("it was ended"), lost("it was ended"), true],
      broken: [lost("out of memory"), lost("out of memory"), true],
      disposed: "model: it was disposed; make or load a new one",
      again: [18, 2],
    });
  });
});

/** In the page: every kind of picture of the same drawing, and a video of it. */
const PICTURES = `
globalThis.pictures = async () => {
  const draw = (canvas) => {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillRect(0, 0, 60, 60);
    context.fillStyle = "rgb(250 200 150)";
    context.fillRect(10, 10, 30, 40);
    return canvas;
  };
  const canvas = draw(Object.assign(document.createElement("canvas"), { width: 60, height: 60 }));
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  const { data } = canvas.getContext("2d").getImageData(0, 0, 60, 60);
  return {
    canvas,
    offscreen: draw(new OffscreenCanvas(60, 60)),
    bitmap: await createImageBitmap(canvas),
    imageData: canvas.getContext("2d").getImageData(0, 0, 60, 60),
    plain: { data, width: 60, height: 60 },
    blob,
    file: new File([blob], "drawing.png", { type: blob.type }),
    image,
  };
};
globalThis.video = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 60 });
  const context = canvas.getContext("2d");
  const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream() });
  const timer = setInterval(() => context.fillRect(0, 0, 60, 60), 20);
  void video.play();
  await new Promise((resolve) => video.addEventListener("loadeddata", resolve, { once: true }));
  return { video, stop: () => clearInterval(timer) };
};
`;

declare global {
  var pictures: () => Promise<Record<string, ImageData>>;
  var video: () => Promise<{ video: HTMLVideoElement; stop(): void }>;
}

describe.each(browsers)("classify, %s", (browser) => {
  test("every kind of picture, on the page and in a worker, gives the same", { timeout: 180_000 }, async ({ open, task, skip }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    await page.evaluate(PICTURES);
    const found = await page.evaluate(async () => {
      const local = kit.smallModel();
      const remote = await kit.convlet.toWorker(local);
      const answers = new Set<string>();
      for (const source of Object.values(await pictures())) {
        answers.add(JSON.stringify(await local.classify(source)));
        answers.add(JSON.stringify(await remote.classify(source)));
      }
      remote.dispose();
      return [...answers];
    });
    expect(found).toHaveLength(1);
    expect(
      JSON.parse(found[0])
        .map(({ label }: { label: string }) => label)
        .sort(),
    ).toEqual(["O", "X"]);
  });

  test("pictures that are none are refused, by model and worker alike", { timeout: 180_000 }, async ({ site, open, task, skip }) => {
    needs(browser, { task, skip });
    const other = `${site.origin.replace("127.0.0.1", "localhost")}/pixel.svg`;
    site.answers["/pixel.svg"] = { body: '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>' };
    const tab = await open("/kit.html", { browser });
    const found = await tab.page.evaluate(async (address) => {
      const local = kit.smallModel();
      const remote = await kit.convlet.toWorker(local);
      const tainted = Object.assign(document.createElement("canvas"), { width: 9, height: 9 });
      const foreign = new Image();
      foreign.src = address;
      await foreign.decode();
      tainted.getContext("2d")!.drawImage(foreign, 0, 0);
      const broken = new Image();
      broken.src = "data:image/png;base64,AAAA";
      const sources = {
        tainted,
        foreign,
        broken,
        empty: Object.assign(document.createElement("canvas"), { width: 0, height: 9 }),
        text: new File(["no picture"], "notes.txt", { type: "text/plain" }),
        video: document.createElement("video"),
        number: 3 as never,
      };
      const results: Record<string, string[]> = {};
      for (const [name, source] of Object.entries(sources)) {
        const message = (promise: Promise<unknown>) => promise.then(String, (reason: Error) => `${reason.name}: ${reason.message}`);
        results[name] = [...new Set([await message(local.classify(source)), await message(remote.classify(source))])];
      }
      remote.dispose();
      return results;
    }, other);
    tab.taken(/^foreign: /);
    const origin =
      "Error: classify: the picture comes from another origin, and its pixels may not be read; serve it with CORS and set crossOrigin on the image";
    expect(found).toEqual({
      tainted: [origin],
      foreign: [origin],
      broken: ['Error: classify: the image "data:image/png;base64,AAAA" could not be loaded or decoded'],
      empty: ["RangeError: classify: the picture is 0 x 9 pixels, needs at least 1 x 1"],
      text: ["Error: classify: notes.txt (text/plain) is no picture that can be decoded here"],
      video: ['Error: classify: the video has no frame yet; wait for its event "loadeddata"'],
      number: [
        "TypeError: classify: got 3, needs a canvas, image, video, ImageBitmap, File, Blob, ImageData or { data, width, height } with RGBA bytes",
      ],
    });
  });

  test("a video asked more often than can be answered: older frames are dropped, every call is answered", { timeout: 180_000 }, async ({
    open,
    task,
    skip,
  }) => {
    needs(browser, { task, skip });
    const { page } = await open("/kit.html", { browser });
    await page.evaluate(PICTURES);
    const found = await page.evaluate(async () => {
      const remote = await kit.convlet.toWorker(kit.smallModel());
      const { video: source, stop } = await video();
      const calls = Array.from({ length: 20 }, () => remote.classify(source, { top: 1 }));
      const answers = await Promise.all(calls);
      // A later call is a frame of its own again.
      answers.push(await remote.classify(source, { top: 1 }));
      stop();
      remote.dispose();
      return { answered: answers.every(([{ label }]) => label === "O" || label === "X"), frames: new Set(answers).size };
    });
    expect(found).toEqual({ answered: true, frames: 3 });
  });
});
