/** Reads the weights of an ONNX file: as much protobuf as that takes. */

const GRAPH = 7;
const INITIALIZER = 5;
const NAME = 8;
const RAW_DATA = 9;
const LENGTH_DELIMITED = 2;
/** Bytes of fixed-size wire types. */
const FIXED = new Map([
  [1, 8],
  [5, 4],
]);

/** float32 arrays with raw data, ordered by their names; PyTorch's are "0.weight", "0.bias", "2.weight" … */
export function readInitializers(model: Uint8Array, order = layerOrder): Float32Array[] {
  const [graph] = fields(model, GRAPH);
  const named = fields(graph, INITIALIZER).map((tensor) => {
    const [data] = fields(tensor, RAW_DATA);
    return { name: new TextDecoder().decode(fields(tensor, NAME)[0]), data: new Float32Array(Uint8Array.from(data).buffer) };
  });
  return named.toSorted((a, b) => order(a.name) - order(b.name)).map(({ data }) => data);
}

function layerOrder(name: string): number {
  return 2 * Number.parseInt(name, 10) + (name.endsWith("weight") ? 0 : 1);
}

/** The contents of every length-delimited field of this number. */
function fields(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag & 7;
    if (type === LENGTH_DELIMITED) {
      const length = varint();
      if (tag >>> 3 === wanted) found.push(message.subarray(at, at + length));
      at += length;
    } else if (FIXED.has(type)) at += FIXED.get(type)!;
    else varint();
  }
  return found;
}
