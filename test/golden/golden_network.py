"""50 steps of a small network, in float64 and float32: the loss curve and the norms of what was learned.

conv 3x3x8 · batch norm · relu · conv 3x3x16 · batch norm · relu · max pool 2x2 · dense 10 · softmax cross entropy; Adam as in
Keras. Inputs, labels and first weights are those of test/golden/network.ts, bit for bit.
"""
import numpy as np
import torch
import torch.nn.functional as F

from golden_tensors import Random, f32

BATCH, STEPS, SIZE, CLASSES = 16, 50, 12, 10
RATE, BETA1, BETA2, ADAM_EPSILON = 0.001, 0.9, 0.999, 1e-7
EPSILON, MOMENTUM = 1e-3, 0.99
#: Share of the class pattern in an input; the rest is noise.
PATTERN = 0.5
#: Trainable arrays in the layout of our files (HWIO, [in, out]) and the float32 factor on the generator's numbers; None: constant.
WEIGHTS = [
    ("conv1/kernel", (3, 3, 1, 8), 0.25),
    ("norm1/gamma", (8,), 1),
    ("norm1/beta", (8,), 0),
    ("conv2/kernel", (3, 3, 8, 16), 0.125),
    ("norm2/gamma", (16,), 1),
    ("norm2/beta", (16,), 0),
    ("dense/kernel", (256, 10), 0.125),
    ("dense/bias", (10,), 0),
]


def make_data():
    """inputs [steps, batch, 12, 12, 1] and labels [steps, batch]. Every number is exact in float32."""
    pixels = SIZE * SIZE
    patterns = Random(1).exact(CLASSES * pixels).reshape(CLASSES, pixels)
    random = Random(2)
    inputs, labels = [], []
    for _ in range(STEPS * BATCH):
        label = int(np.floor((random.exact(1)[0] + 1) / 2 * CLASSES))
        noise = random.exact(pixels)
        inputs.append(np.float32(noise * (1 - PATTERN) + patterns[label] * PATTERN))
        labels.append(label)
    return np.array(inputs).reshape(STEPS, BATCH, SIZE, SIZE, 1), np.array(labels).reshape(STEPS, BATCH)


def make_weights():
    """Kernels from the generator, gamma 1, beta and bias 0."""
    random = Random(3)
    weights = {}
    for name, shape, factor in WEIGHTS:
        if name.endswith("kernel"):
            weights[name] = np.float32(random.exact(int(np.prod(shape))) * factor).reshape(shape)
        else:
            weights[name] = np.full(shape, factor, np.float32)
    return weights


def train(dtype):
    inputs, labels = make_data()
    weights = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in make_weights().items()}
    slots = {name: [torch.zeros_like(w), torch.zeros_like(w)] for name, w in weights.items()}
    running = {}
    for layer, channels in (("norm1", 8), ("norm2", 16)):
        running[f"{layer}/movingMean"] = torch.zeros(channels, dtype=dtype)
        running[f"{layer}/movingVariance"] = torch.ones(channels, dtype=dtype)
    curve = []
    for step in range(STEPS):
        batch = torch.tensor(inputs[step], dtype=dtype).permute(0, 3, 1, 2).contiguous()
        loss = F.cross_entropy(forward(batch, weights, running), torch.tensor(labels[step]))
        gradients = torch.autograd.grad(loss, list(weights.values()))
        adam(weights, gradients, slots, step + 1)
        curve.append(loss.item())
    return curve, {**weights, **running}


def forward(x, weights, running):
    for number in (1, 2):
        x = F.conv2d(x, weights[f"conv{number}/kernel"].permute(3, 2, 0, 1))
        with torch.no_grad():
            for name, value in (("movingMean", x.mean((0, 2, 3))), ("movingVariance", x.var((0, 2, 3), unbiased=False))):
                key = f"norm{number}/{name}"
                running[key] = running[key] * MOMENTUM + value * (1 - MOMENTUM)
        x = F.relu(F.batch_norm(x, None, None, weights[f"norm{number}/gamma"], weights[f"norm{number}/beta"], True, 0, EPSILON))
    x = F.max_pool2d(x, 2).permute(0, 2, 3, 1).flatten(1)
    return x @ weights["dense/kernel"] + weights["dense/bias"]


def adam(weights, gradients, slots, t):
    rate = RATE * (1 - BETA2**t) ** 0.5 / (1 - BETA1**t)
    with torch.no_grad():
        for (name, weight), gradient in zip(weights.items(), gradients):
            first, second = slots[name]
            first += (gradient - first) * (1 - BETA1)
            second += (gradient**2 - second) * (1 - BETA2)
            weight -= rate * first / (torch.sqrt(second) + ADAM_EPSILON)


def network():
    inputs, labels = make_data()
    first = make_weights()
    attributes = {"batch": BATCH, "steps": STEPS, "learningRate": RATE, "epsilon": ADAM_EPSILON}
    arrays = {
        "firstInputs": torch.tensor(inputs.reshape(-1)[:5]),
        "lastInputs": torch.tensor(inputs.reshape(-1)[-5:]),
        "inputSquares": torch.tensor([(inputs.astype(np.float64) ** 2).sum()]),
        "firstLabels": torch.tensor(labels.reshape(-1)[:32]),
        "firstWeightNorms": torch.tensor([np.sqrt((w.astype(np.float64) ** 2).sum()) for w in first.values()]),
    }
    for name, dtype in (("Float64", torch.float64), ("Float32", torch.float32)):
        curve, weights = train(dtype)
        arrays[f"loss{name}"] = torch.tensor(curve)
        arrays[f"weightNorms{name}"] = torch.tensor([w.detach().double().norm().item() for w in weights.values()])
    attributes["weightNames"] = list(weights)
    return [("small network", attributes, arrays)]
