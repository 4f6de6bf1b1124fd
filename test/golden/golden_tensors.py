"""Float32 inputs from the generator of test/support/kernels.ts, bit for bit; layouts; gradients by autograd."""
import numpy as np
import torch


def f32(value):
    """The float32 number next to value, as a Python float."""
    return float(np.float32(value))


def seeded_random(seed):
    """seededRandom of test/support/kernels.ts: multiples of 2^-23 in [-1, 1)."""
    state = seed & 0xFFFFFFFF
    while True:
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        yield (state >> 8) / 8388608 - 1


class Random:
    def __init__(self, seed):
        self.stream = seeded_random(seed)

    def tensor(self, *shape, scale=1.0):
        """Float32 numbers next to 3-digit decimals in (-scale, scale), so that they take little room in the files."""
        count = int(np.prod(shape))
        return torch.tensor([f32(round(next(self.stream) * scale, 3)) for _ in range(count)], dtype=torch.float64).reshape(shape)

    def exact(self, count):
        """The next `count` numbers, not rounded."""
        return np.array([next(self.stream) for _ in range(count)])


def nchw(tensor):
    return tensor.permute(0, 3, 1, 2).contiguous()


def nhwc(tensor):
    return tensor.permute(0, 2, 3, 1).contiguous()


def with_gradients(random, function, **inputs):
    """inputs, output = function(inputs), a random outputGrad and the gradient of each input."""
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in inputs.items()}
    output = function(**leaves)
    output_grad = random.tensor(*output.shape)
    gradients = torch.autograd.grad(output, list(leaves.values()), output_grad)
    arrays = {**inputs, "output": output, "outputGrad": output_grad}
    return {**arrays, **{f"{name}Grad": gradient for name, gradient in zip(leaves, gradients)}}
