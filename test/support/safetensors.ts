import { readHeader, type TensorArray, tensorArray, verifyChecksum } from "../../src/formats/safetensors.ts";
import type { CheckedTensor, Dtype } from "../../src/formats/safetensorsHeader.ts";
import { xxh32 } from "../../src/xxh32.ts";

/** As read: F16 and BF16 have become Float32Array, I64 Float64Array. `dtype` is the file's. */
interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

/** All of a file at once, as the library reads it piece by piece. Tensors are in the order of the data, and copies. */
export function readSafetensors(bytes: Uint8Array, where = "safetensors") {
  const copy = new Uint8Array(bytes);
  const header = readHeader(copy, copy.length, where);
  const dataOf = ({ begin, end }: CheckedTensor) => copy.subarray(header.bytes.length + begin, header.bytes.length + end);
  verifyChecksum(header, where, (tensor) => xxh32(dataOf(tensor)));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of header.tensors) {
    tensors.set(name, { dtype: tensor.dtype, shape: tensor.shape, data: tensorArray(tensor, dataOf(tensor), where) });
  }
  return { tensors, metadata: header.metadata };
}
