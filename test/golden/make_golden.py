"""Golden numbers from PyTorch for every kernel: forward, backward, losses, optimizers, and one network's loss curve.

    python3 test/golden/make_golden.py     (a Python 3 with torch >= 1.13 and numpy: Debian's python3-torch; about 3 s)

writes test/golden/*.json, the same bytes on every run: inputs come from the generator of test/support/kernels.ts, torch runs
on one thread. Each file holds { op, cases: [{ name, attributes, arrays: { name: { shape, data } } }] }. Arrays are in the
layouts of the records: activations NHWC, weights HWIO, dense weights [in, out]. All inputs, scalars of records included, are
float32 numbers; everything is computed from them in float64 and rounded to float32 once. Where Keras and PyTorch differ
(optimizers, running variance, clipping of probabilities) the Keras 3 formula is written out with torch tensors.
"""
import json
import pathlib
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True
from golden_elementwise import activation, binary, simple, softmax
from golden_layers import batch_normalization, conv2d, pool2d
from golden_losses import losses
from golden_network import network
from golden_updates import updates

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent


def number(value):
    """The shortest decimal that reads back as the same float32; at most 9 digits."""
    text = str(np.float32(value))
    return text[:-2] if text.endswith(".0") else text


def array_json(tensor):
    data = tensor.detach().to(torch.float64).reshape(-1).tolist()
    return '{"shape": %s, "data": [%s]}' % (json.dumps(list(tensor.shape)), ",".join(number(x) for x in data))


def save(op, cases):
    names = [name for name, _, _ in cases]
    assert len(set(names)) == len(names), names
    blocks = []
    for name, attributes, arrays in cases:
        for key, tensor in arrays.items():
            assert torch.isfinite(tensor).all(), (op, name, key)
        lines = ",\n".join('"%s": %s' % (key, array_json(tensor)) for key, tensor in arrays.items())
        blocks.append('{"name": %s, "attributes": %s, "arrays": {\n%s}}' % (json.dumps(name), json.dumps(attributes), lines))
    path = HERE / f"{op}.json"
    path.write_text('{"op": "%s", "cases": [\n%s\n]}\n' % (op, ",\n".join(blocks)))
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    save("conv2d", conv2d())
    save("pool2d", pool2d())
    save("activation", activation())
    save("softmax", softmax())
    save("batchNormalization", batch_normalization())
    save("binary", binary())
    save("simple", simple())
    save("losses", losses())
    save("updates", updates())
    save("network", network())
