"""Activations, softmax, add, multiply, concat, pixel sums, affine."""
import torch
import torch.nn.functional as F

from golden_tensors import Random, f32, with_gradients

def selu(x):
    return 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * torch.expm1(x))


ACTIVATIONS = {
    # name: (function of input and alpha, alphas, inputs where the derivative jumps and the frameworks agree on it)
    "relu": (lambda x, a: F.relu(x), [0], [0.0]),
    "relu6": (lambda x, a: F.relu6(x), [0], [0.0, 6.0]),
    "leakyRelu": (lambda x, a: F.leaky_relu(x, a), [0.3, 0.01], [0.0]),
    "elu": (lambda x, a: F.elu(x, a), [1, 0.5], []),
    "selu": (lambda x, a: selu(x), [0], []),
    "sigmoid": (lambda x, a: torch.sigmoid(x), [0], [0.0]),
    "tanh": (lambda x, a: torch.tanh(x), [0], [0.0]),
    "softplus": (lambda x, a: torch.logaddexp(x, torch.zeros(())), [0], [0.0]),
    "swish": (lambda x, a: F.silu(x), [0], [0.0]),
    "gelu": (lambda x, a: F.gelu(x), [0], [0.0]),
    "hardSigmoid": (lambda x, a: F.relu6(x + 3) / 6, [0], [0.0, -3.0, 3.0]),
    "hardSwish": (lambda x, a: x * F.relu6(x + 3) / 6, [0], [0.0]),
}
NEAR = [1e-3, 0.1, 0.5, 1.0, 1.5, 2.9, 3.1, 4.0]
FAR = [5.9, 6.1, 8.0, 9.5, 15.0, 19.0, 21.0, 50.0, 87.0, 89.0, 100.0]


def activation():
    random, cases = Random(103), []
    for name, (function, alphas, kinks) in ACTIVATIONS.items():
        for alpha in alphas:
            label = f"{name} {alpha}" if len(alphas) > 1 else name
            points = [sign * x for x in NEAR for sign in (1, -1)] + [x for x in kinks if abs(x) < 4]
            some = random.tensor(39 - len(points), scale=3)
            near = torch.cat([torch.tensor([f32(x) for x in points]), some]).reshape(1, 3, 1, 13)
            far = torch.tensor([f32(sign * x) for x in FAR for sign in (1, -1)] + [x for x in kinks if x > 4])
            for kind, input in (("near 0", near), ("far from 0", far.reshape(1, 1, 1, -1))):
                arrays = with_gradients(random, lambda input: function(input, f32(alpha)), input=input)
                cases.append((f"{label}, {kind}", {"activation": name, "alpha": alpha}, arrays))
    return cases


def softmax():
    random, cases = Random(104), []
    for name, shape, scale in [
        ("5 channels", (2, 2, 3, 5), 3),
        ("1 channel", (2, 1, 2, 1), 3),
        ("17 channels", (1, 1, 2, 17), 5),
        ("10 classes", (3, 1, 1, 10), 2),
        ("equal logits", (1, 1, 1, 3), 0),
    ]:
        input = random.tensor(*shape, scale=scale)
        cases.append((name, {}, with_gradients(random, lambda input: torch.softmax(input, 3), input=input)))
    hundreds = random.tensor(2, 1, 1, 7, scale=2) + torch.tensor([300.0, -300, 300, 300, 0, -300, 300])
    hundreds = hundreds.float().double()
    cases.append(("logits in the hundreds", {}, with_gradients(random, lambda input: torch.softmax(input, 3), input=hundreds)))
    return cases


def binary():
    random, cases = Random(106), []
    shape = (2, 3, 2, 5)
    for kind, function in [("add", torch.add), ("multiply", torch.multiply)]:
        for name, right in [("equal shapes", shape), ("one value per channel and sample", (2, 1, 1, 5)), ("one value per channel", (1, 1, 1, 5))]:
            arrays = with_gradients(random, lambda left, right: function(left, right), left=random.tensor(*shape), right=random.tensor(*right))
            cases.append((f"{kind}, {name}", {"kind": kind}, arrays))
    return cases


def simple():
    random = Random(107)
    concat = with_gradients(random, lambda left, right: torch.cat([left, right], 3), left=random.tensor(2, 3, 2, 3), right=random.tensor(2, 3, 2, 4))
    pixel_sum = with_gradients(random, lambda input: input.sum((1, 2), keepdim=True), input=random.tensor(2, 3, 5, 7))
    affine = with_gradients(
        random, lambda input, scale, offset: input * scale + offset, input=random.tensor(2, 3, 2, 5), scale=random.tensor(5), offset=random.tensor(5)
    )
    return [("concat", {}, concat), ("pixelSum", {}, pixel_sum), ("affine", {}, affine)]
