/** What a file that is not ours seems to be, told from its first bytes. */

interface Signature {
  readonly kind: string;
  readonly at?: number;
  readonly bytes: readonly number[] | string;
}

const SIGNATURES: readonly Signature[] = [
  { kind: "a zip archive (a Keras .keras or PyTorch .pt file is one)", bytes: "PK\x03\x04" },
  { kind: "an HDF5 file (Keras .h5)", bytes: "\x89HDF\r\n\x1a\n" },
  { kind: "a PNG image", bytes: "\x89PNG\r\n\x1a\n" },
  { kind: "a JPEG image", bytes: [0xff, 0xd8, 0xff] },
  { kind: "gzip data", bytes: [0x1f, 0x8b, 0x08] },
  { kind: "a WebAssembly module", bytes: "\0asm" },
  { kind: "a NumPy array", bytes: "\x93NUMPY" },
  { kind: "a GGUF file", bytes: "GGUF" },
  { kind: "a TensorFlow Lite model", at: 4, bytes: "TFL3" },
  { kind: "a Python pickle (an old PyTorch file is one)", bytes: [0x80, 0x02, 0x8a] },
  { kind: "a Git LFS pointer: the file itself was not fetched", bytes: "version https://git-lfs" },
];

/** A noun with its article, or undefined where nothing is recognised. */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  const known = SIGNATURES.find(({ bytes: signature, at = 0 }) => codes(signature).every((code, index) => bytes[at + index] === code));
  if (known !== undefined) return known.kind;
  // ONNX is protobuf: field 1, the version, below 32, then as a rule field 2, the producer's name.
  if (bytes[0] === 8 && bytes[1]! > 0 && bytes[1]! < 32 && (bytes[2] === 0x12 || bytes[2] === 0x3a)) return "a protobuf file (ONNX?)";
  const start = String.fromCharCode(...bytes.subarray(0, 4096)).trimStart();
  if (start.startsWith("<")) return "an HTML or XML page: was the address wrong?";
  if (start.startsWith("{") || start.startsWith("[")) {
    return start.includes('"modelTopology"') || start.includes('"weightsManifest"') ? "a model.json of TensorFlow.js" : "JSON text";
  }
  return undefined;
}

function codes(signature: string | readonly number[]): readonly number[] {
  return typeof signature === "string" ? Array.from(signature, (character) => character.charCodeAt(0)) : signature;
}
