/** What a file that is not ours seems to be, told from its first bytes. */

/** How a file of a kind begins, its bytes as characters. The first that fits is it. */
const SIGNATURES: readonly (readonly [kind: string, start: string | RegExp])[] = [
  ["a zip archive (a Keras .keras or PyTorch .pt file is one)", "PK\x03\x04"],
  ["an HDF5 file (Keras .h5)", "\x89HDF\r\n\x1a\n"],
  ["a PNG image", "\x89PNG\r\n\x1a\n"],
  ["a JPEG image", "\xff\xd8\xff"],
  ["gzip data", "\x1f\x8b\x08"],
  ["a WebAssembly module", "\0asm"],
  ["a NumPy array", "\x93NUMPY"],
  ["a GGUF file", "GGUF"],
  ["a TensorFlow Lite model", /^.{4}TFL3/s],
  ["a Python pickle (an old PyTorch file is one)", "\x80\x02\x8a"],
  ["a Git LFS pointer: the file itself was not fetched", "version https://git-lfs"],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: field 1, the version, below 32, then as a rule field 2, the producer's name.
  ["a protobuf file (ONNX?)", /^\x08[\x01-\x1f][\x12:]/],
  // A server that has no such file often answers with its start page, and all is well.
  ["an HTML or XML page: was the address wrong?", /^\s*</],
  ["a model.json of TensorFlow.js", /^\s*[[{].*"(modelTopology|weightsManifest)"/s],
  ["JSON text", /^\s*[[{]/],
];

/** A noun with its article, or undefined where nothing is recognised. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 4096));
  return SIGNATURES.find(([, own]) => (typeof own === "string" ? start.startsWith(own) : own.test(start)))?.[0];
}
