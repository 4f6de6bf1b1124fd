import { describe, expect, test } from "vitest";
import { CHECKSUM_KEY, FileFormatError, type NamedTensor, writeSafetensors } from "../../src/formats/safetensors.ts";
import { readSafetensors } from "../support/safetensors.ts";

const TENSORS: NamedTensor[] = [
  { name: "conv1/kernel", dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -0, Number.NaN, Infinity, 1e-45, 6) },
  { name: "conv1/bias", dtype: "F32", shape: [3], data: Float32Array.of(0.5, 1.5, 2.5) },
  { name: "1", dtype: "I32", shape: [], data: Int32Array.of(-7) },
  { name: "__proto__", dtype: "U8", shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) },
  { name: "größe", dtype: "F64", shape: [1, 1], data: Float64Array.of(Math.PI) },
  { name: "empty", dtype: "F32", shape: [0, 3], data: new Float32Array(0) },
];
const METADATA = { format: "pt", architecture: '{"class":"model","convlet.xxh32":"x"}', __proto__2: "a" };

/** A file from a header (text or JSON) and data bytes; the length may lie. */
function file(header: unknown, data: number | Uint8Array = 0, { length }: { length?: bigint } = {}): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const behind = typeof data === "number" ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + text.length + behind.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(behind, 8 + text.length);
  return bytes;
}

function headerOf(bytes: Uint8Array): string {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return new TextDecoder().decode(bytes.subarray(8, 8 + length));
}

/** A file with one F32 tensor of two numbers, changed. */
const one = (change: object) => ({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...change } });

describe("what was written", () => {
  const bytes = writeSafetensors(TENSORS, METADATA);

  test.each([
    ["an array", bytes],
    ["an unaligned view", new Uint8Array(new Uint8Array([1, ...bytes, 2]).buffer, 1, bytes.length)],
    ["a Buffer", Buffer.from(bytes)],
  ])("is read again from %s", (_name, given) => {
    const { tensors, metadata } = readSafetensors(given);
    expect(tensors.size).toBe(TENSORS.length);
    for (const { name, ...tensor } of TENSORS) expect(tensors.get(name)).toEqual(tensor);
    expect(Object.is(tensors.get("conv1/kernel")?.data[1], -0)).toBe(true);
    const { [CHECKSUM_KEY]: checksum, ...rest } = Object.fromEntries(metadata);
    expect(rest).toEqual(METADATA);
    expect(checksum).toMatch(/^[0-9a-f]{8}$/);
  });

  test("is a copy", () => {
    const given = Buffer.from(bytes);
    const { tensors } = readSafetensors(given);
    given.fill(0);
    expect(tensors.get("conv1/bias")?.data).toEqual(Float32Array.of(0.5, 1.5, 2.5));
  });

  test("does not depend on the order it came in", () => {
    const { format, architecture, __proto__2 } = METADATA;
    expect(writeSafetensors([...TENSORS].reverse(), { __proto__2, architecture, format })).toEqual(bytes);
  });

  test("lets the data begin at a multiple of 8, widest first, then by name", () => {
    const header = headerOf(bytes);
    expect(header.length % 8 === 0 || /[^\0-\x7f]/.test(header)).toBe(true);
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
    expect(header.trimEnd()).toMatch(/^\{"__metadata__":\{"convlet\.xxh32":"[0-9a-f]{8}","__proto__2":"a","architecture":/);
    expect(Object.keys(JSON.parse(header)).filter((key) => key !== "1")).toEqual([
      "__metadata__",
      "größe",
      "conv1/bias",
      "conv1/kernel",
      "empty",
      "__proto__",
    ]);
  });

  test("may be nothing at all", () => {
    const { tensors, metadata } = readSafetensors(writeSafetensors([]));
    expect(tensors.size).toBe(0);
    expect([...metadata.keys()]).toEqual([CHECKSUM_KEY]);
  });
});

describe("writing refuses", () => {
  const good = TENSORS[1]!;
  test.each([
    [[good, good], RangeError, 'safetensors: the name "conv1/bias" is taken'],
    [[{ ...good, name: "__metadata__" }], RangeError, 'safetensors: the name "__metadata__" is taken'],
    [[{ ...good, shape: [4] }], RangeError, 'safetensors: "conv1/bias" has shape [4] but 3 elements'],
    [[{ ...good, shape: [-1, -3] }], RangeError, 'safetensors: "conv1/bias" has shape [-1, -3] but 3 elements'],
    [[{ ...good, dtype: "I32" }], TypeError, 'safetensors: "conv1/bias" has dtype I32, needs its data as Int32Array'],
    [[{ ...good, dtype: "F8" }], RangeError, 'safetensors: "conv1/bias" has dtype F8, needs one of F32, F64, I32, U8'],
  ] as [NamedTensor[], ErrorConstructor, string][])("%#: %s", (tensors, kind, message) => {
    expect(() => writeSafetensors(tensors)).toThrow(new kind(message));
  });

  test("metadata that is no text", () => {
    expect(() => writeSafetensors([], { epoch: 3 } as never)).toThrow(new TypeError('safetensors: metadata "epoch" is number, needs a string'));
  });
});

describe("other dtypes", () => {
  const stored = (dtype: string, data: ArrayBufferView) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const length = (data as unknown as { length: number }).length;
    return file({ a: { dtype, shape: [length], data_offsets: [0, bytes.length] } }, bytes);
  };

  test.each([
    [
      "F16",
      Uint16Array.of(0, 0x8000, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0xc000, 0x7c00, 0xfc00, 0x7e00),
      [0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, 65504, -2, Infinity, -Infinity, Number.NaN],
    ],
    ["BF16", Uint16Array.of(0x3f80, 0xbf80, 0x4049, 0x7f80, 0x7fc0), [1, -1, 3.140625, Infinity, Number.NaN]],
    ["F64", Float64Array.of(0.1), [0.1]],
    ["I64", BigInt64Array.of(-5n, 2n ** 53n - 1n), [-5, 2 ** 53 - 1]],
    ["I32", Int32Array.of(-5), [-5]],
    ["U8", Uint8Array.of(255), [255]],
  ])("%s", (dtype, data, expected) => {
    expect([...readSafetensors(stored(dtype, data)).tensors.get("a")!.data]).toEqual(expected);
  });

  test("I64 beyond what a number holds is refused", () => {
    const bytes = stored("I64", BigInt64Array.of(2n ** 53n));
    expect(() => readSafetensors(bytes)).toThrow(new FileFormatError('safetensors: "a" holds 9007199254740992, which a JavaScript number cannot'));
  });
});

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

describe("reading says what is wrong:", () => {
  const cases: [Uint8Array, string | RegExp][] = [
    [new Uint8Array(0), "the file is empty"],
    [new Uint8Array(7), "the file is truncated: 7 bytes, needs at least 10"],
    [new Uint8Array(64), "no safetensors file: its header is 0 bytes long"],
    [file("[]      "), "no safetensors file: its header does not begin with {"],
    [file({}, 0, { length: 2n ** 53n }), "the file is truncated: its header alone takes 9007199254741000 bytes, there are 10"],
    [file({}, 0, { length: 2n ** 64n - 1n }), "the file is truncated: its header alone takes 18446744073709552000 bytes, there are 10"],
    [file({}, 0, { length: 11n }), "the file is truncated: its header alone takes 19 bytes, there are 10"],
    [file("{nonsense}"), "the header is no JSON"],
    [file(`{${"[".repeat(100_000)}`), "the header is no JSON"],
    [file(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`), /^m: (the header is no JSON|tensor "a" is an array of 1, needs an object)$/],
    [Uint8Array.from([4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0xff, 0x7d]), "the header is no JSON"],
    [file('{"a":1,"a":2}'), 'the header names "a" twice'],
    [file('{"a":{"dtype":"U8","dtype" :"F32","shape":[],"data_offsets":[0,4]}}', 4), 'the header names "dtype" twice'],
    [file('{"a\\"}":1,"\\u0061\\"}":2}'), 'the header names "\\u0061\\"}" twice'],
    [file('{"__metadata__":{"k":"v","k":"w"}}'), 'the header names "k" twice'],
    [file({ __metadata__: [] }), "__metadata__ is an array of 0, needs an object"],
    [file({ __metadata__: { epoch: 3 } }), "__metadata__.epoch is 3, needs a text"],
    [file({ a: null }), 'tensor "a" is null, needs an object'],
    [file('{"__proto__":{}}'), 'tensor "__proto__".dtype is missing, needs one of F64, I64, F32, I32, F16, BF16, U8'],
    [file(one({ dtype: "BOOL" }), 8), 'tensor "a".dtype is "BOOL", needs one of F64, I64, F32, I32, F16, BF16, U8'],
    [file(one({ dtype: "toString" }), 8), 'tensor "a".dtype is "toString", needs one of F64, I64, F32, I32, F16, BF16, U8'],
    [file(one({ shape: "2" }), 8), 'tensor "a".shape is "2", needs a list'],
    [file(one({ shape: [-2] }), 8), 'tensor "a".shape[0] is -2, needs a whole number from 0 to 9007199254740991'],
    [file(one({ shape: [0.5] }), 8), 'tensor "a".shape[0] is 0.5, needs a whole number from 0 to 9007199254740991'],
    [file(one({ shape: [3] }), 8), 'tensor "a" of shape [3] takes 12 bytes, its data_offsets give it 8'],
    [file(one({ shape: [2 ** 51, 1] }), 8), 'tensor "a" of shape [2251799813685248, 1] takes 9007199254740992 bytes, its data_offsets give it 8'],
    [
      file(one({ shape: [2 ** 40, 2 ** 40, 0] }), 8),
      'tensor "a" of shape [1099511627776, 1099511627776, 0] takes 0 bytes, its data_offsets give it 8',
    ],
    [file(one({ data_offsets: [0] }), 8), 'tensor "a".data_offsets has 1 entries, needs 2'],
    [file(one({ data_offsets: [8, 0] }), 8), 'tensor "a" of shape [2] takes 8 bytes, its data_offsets give it -8'],
    [file(one({ data_offsets: [-8, 0] }), 8), 'tensor "a".data_offsets[0] is -8, needs a whole number from 0 to 9007199254740991'],
    [file(one({}), 7), "the file is truncated: its data take 8 bytes, there are 7"],
    [file(one({}), 9), "there are 1 bytes behind the last tensor"],
    [file({}, 1), "there are 1 bytes behind the last tensor"],
    [file(one({ data_offsets: [4, 12] }), 12), 'there is a hole of 4 bytes before tensor "a"'],
    [file({ ...one({}), b: { dtype: "U8", shape: [4], data_offsets: [4, 8] } }, 8), 'tensor "b" overlaps the one before it'],
    [file(Object.fromEntries(Array.from({ length: 70_000 }, (_, at) => [at, 0]))), "the header names 70000 tensors, more than 65536"],
    [file({ __metadata__: { [CHECKSUM_KEY]: "123" } }), "the checksum is not as this library writes it"],
    [ascii(`${"PK\x03\x04"}${"\0".repeat(40)}`), "this is a zip archive (a Keras .keras or PyTorch .pt file is one); needs a safetensors file"],
    [ascii("\x89HDF\r\n\x1a\n\0\0\0\0"), "this is an HDF5 file (Keras .h5); needs a safetensors file"],
    [ascii("\x89PNG\r\n\x1a\n\0\0\0\0"), "this is a PNG image; needs a safetensors file"],
    [ascii("\x1f\x8b\x08\0\0\0\0\0\0\0\0"), "this is gzip data; needs a safetensors file"],
    [ascii("\x08\x07\x12\x07pytorch\x1a\x05"), "this is a protobuf file (ONNX?); needs a safetensors file"],
    [ascii("\x1c\0\0\0TFL3\0\0\0\0"), "this is a TensorFlow Lite model; needs a safetensors file"],
    [ascii('{"modelTopology": {}}'), "this is a model.json of TensorFlow.js; needs a safetensors file"],
    [ascii("  [1, 2, 3, 4, 5]"), "this is JSON text; needs a safetensors file"],
    [ascii("<!DOCTYPE html><html>"), "this is an HTML or XML page: was the address wrong?; needs a safetensors file"],
    [ascii("version https://git-lfs.github.com/spec/v1\n"), "this is a Git LFS pointer: the file itself was not fetched; needs a safetensors file"],
  ];

  test.each(cases.map(([bytes, problem]) => ({ problem, bytes })))("$problem", ({ bytes, problem }) => {
    const read = () => readSafetensors(bytes, "m");
    expect(read).toThrow(typeof problem === "string" ? new FileFormatError(`m: ${problem}`) : problem);
  });
});

describe("a damaged file", () => {
  const bytes = writeSafetensors(TENSORS.slice(0, 4), { architecture: '{"activation":"relu"}' });
  const sound = readSafetensors(bytes);

  test("is refused at every length", () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => readSafetensors(bytes.subarray(0, length)), `the first ${length} bytes`).toThrow(FileFormatError);
    }
  });

  test("is refused for every bit and every byte that changed, or has lost no more than its checksum's name", () => {
    const changes = [1, 2, 4, 8, 16, 32, 64, 128, 255];
    for (let at = 0; at < bytes.length; at++) {
      for (const change of changes) {
        const damaged = bytes.slice();
        damaged[at]! ^= change;
        let read: ReturnType<typeof readSafetensors>;
        try {
          read = readSafetensors(damaged);
        } catch (reason) {
          expect(reason, `byte ${at} ^ ${change}`).toBeInstanceOf(FileFormatError);
          continue;
        }
        expect(read.metadata.has(CHECKSUM_KEY), `byte ${at} ^ ${change}`).toBe(false);
        expect(read.tensors).toEqual(sound.tensors);
        if (read.metadata.size > 0) expect(read.metadata.get("architecture")).toBe(sound.metadata.get("architecture"));
      }
    }
  });

  test("says so where a weight changed", () => {
    const damaged = bytes.slice();
    damaged[bytes.length - 20]! ^= 1;
    expect(() => readSafetensors(damaged, "m")).toThrow(/^m: the file is damaged: its checksum is [0-9a-f]{8}, should be [0-9a-f]{8}$/);
  });

  test("is not noticed in a file without a checksum, which other programs write", () => {
    const { tensors } = readSafetensors(file(one({}), Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64)));
    expect(tensors.get("a")).toEqual({ dtype: "F32", shape: [2], data: Float32Array.of(1, 2) });
  });
});
