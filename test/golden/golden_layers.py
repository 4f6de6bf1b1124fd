"""conv2d with its dense and depthwise forms, pooling, batch normalization."""
import numpy as np
import torch
import torch.nn.functional as F

from golden_tensors import Random, f32, nchw, nhwc, with_gradients


def window_attributes(window, stride, pads):
    names = ("windowHeight", "windowWidth", "strideY", "strideX", "padTop", "padBottom", "padLeft", "padRight")
    return dict(zip(names, (*window, *stride, *pads)))


def same_pads(height, width, window, stride, dilation=(1, 1)):
    """Keras 'same': out = ceil(in / stride), the odd row and column go to the bottom and the right."""
    pads = []
    for size, cells, step, spread in zip((height, width), window, stride, dilation):
        total = max(0, (-(-size // step) - 1) * step + (cells - 1) * spread + 1 - size)
        pads += [total // 2, total - total // 2]
    return tuple(pads)


CONVOLUTIONS = [
    # name, input [b, h, w, c], out channels, window, stride, pads (top, bottom, left, right), dilation, groups
    ("valid 3x3", (2, 5, 7, 3), 5, (3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ("same 3x3, one whole panel", (1, 3, 5, 4), 8, (3, 3), (1, 1), "same", (1, 1), 1),
    ("3x3 from 1 to 17 channels", (1, 4, 5, 1), 17, (3, 3), (1, 1), "same", (1, 1), 1),
    ("3x3 to 1 channel", (2, 3, 5, 7), 1, (3, 3), (1, 1), "same", (1, 1), 1),
    ("same, stride 2, uneven pads", (2, 6, 7, 3), 5, (3, 3), (2, 2), "same", (1, 1), 1),
    ("stride 2x3", (1, 7, 11, 2), 3, (3, 2), (2, 3), (0, 0, 0, 0), (1, 1), 1),
    ("explicit uneven pads", (1, 5, 4, 3), 2, (3, 2), (1, 2), (2, 1, 0, 3), (1, 1), 1),
    ("stride past the window", (1, 7, 8, 3), 4, (2, 2), (3, 3), (0, 0, 0, 0), (1, 1), 1),
    ("input rows left over", (1, 6, 6, 2), 3, (3, 3), (2, 2), (0, 0, 0, 0), (1, 1), 1),
    ("dilation 2x3", (1, 7, 8, 2), 3, (3, 2), (1, 1), "same", (2, 3), 1),
    ("dilation and stride", (1, 9, 8, 2), 3, (3, 3), (2, 1), (2, 2, 1, 2), (2, 2), 1),
    ("window larger than the image", (2, 3, 2, 2), 3, (5, 5), (1, 1), "same", (1, 1), 1),
    ("row window 1x5", (1, 3, 7, 3), 2, (1, 5), (1, 1), "same", (1, 1), 1),
    ("column window 5x1, stride 2", (1, 7, 3, 3), 2, (5, 1), (2, 1), "same", (1, 1), 1),
    ("2 groups", (1, 4, 5, 6), 10, (3, 3), (1, 1), "same", (1, 1), 2),
    ("3 groups of 1 output, stride 2", (1, 5, 5, 9), 3, (3, 3), (2, 2), "same", (1, 1), 3),
    ("depthwise 3x3", (2, 4, 5, 7), 7, (3, 3), (1, 1), "same", (1, 1), 7),
    ("depthwise 3x3, stride 2, uneven pads", (1, 6, 7, 5), 5, (3, 3), (2, 2), "same", (1, 1), 5),
    ("depthwise 5x2, dilation 2", (1, 7, 5, 3), 3, (5, 2), (1, 1), "same", (2, 2), 3),
    ("depthwise, multiplier 3", (1, 4, 5, 3), 9, (3, 3), (1, 1), "same", (1, 1), 3),
    ("depthwise, multiplier 2, stride 2", (1, 5, 6, 5), 10, (3, 3), (2, 2), "same", (1, 1), 5),
    ("1x1", (2, 2, 3, 11), 17, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ("1x1, stride 2", (1, 5, 4, 3), 8, (1, 1), (2, 2), (0, 0, 0, 0), (1, 1), 1),
    ("dense 13 to 10", (3, 1, 1, 13), 10, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ("dense 1 to 1", (1, 1, 1, 1), 1, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ("dense 37 to 3", (5, 1, 1, 37), 3, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
]


def convolve(input, weight, bias, stride, pads, dilation, groups):
    top, bottom, left, right = pads
    padded = F.pad(nchw(input), (left, right, top, bottom))
    return nhwc(F.conv2d(padded, weight.permute(3, 2, 0, 1), bias, stride, 0, dilation, groups))


def conv2d():
    random, cases = Random(101), []
    for name, shape, out, window, stride, pads, dilation, groups in CONVOLUTIONS:
        pads = same_pads(*shape[1:3], window, stride, dilation) if pads == "same" else pads
        attributes = {**window_attributes(window, stride, pads), "dilationY": dilation[0], "dilationX": dilation[1], "groups": groups}
        dense = name.startswith("dense")
        weight_shape = (shape[3], out) if dense else (*window, shape[3] // groups, out)

        def function(input, weight, bias):
            return convolve(input, weight.reshape(*window, -1, out), bias, stride, pads, dilation, groups)

        inputs = {"input": random.tensor(*shape), "weight": random.tensor(*weight_shape), "bias": random.tensor(out)}
        cases.append((name, attributes, with_gradients(random, function, **inputs)))
    cases.append(fused_convolution(random))
    return cases


def fused_convolution(random):
    """Bias, residual and activation in the same kernel: forward only, backward takes them apart."""
    window, stride, pads = (3, 3), (1, 1), (1, 1, 1, 1)
    input, weight = random.tensor(2, 3, 5, 3), random.tensor(3, 3, 3, 5)
    bias, residual = random.tensor(5), random.tensor(2, 3, 5, 5)
    output = F.leaky_relu(convolve(input, weight, bias, stride, pads, (1, 1), 1) + residual, f32(0.3))
    attributes = {**window_attributes(window, stride, pads), "dilationY": 1, "dilationX": 1, "groups": 1}
    arrays = {"input": input, "weight": weight, "bias": bias, "residual": residual, "output": output}
    return "residual and leakyRelu fused", {**attributes, "activation": "leakyRelu", "alpha": 0.3}, arrays


POOLS = [
    ("2x2", (2, 4, 6, 5), (2, 2), (2, 2), (0, 0, 0, 0)),
    ("2x2, rows and columns left over", (1, 5, 7, 3), (2, 2), (2, 2), (0, 0, 0, 0)),
    ("3x3, stride 2, same, overlapping", (1, 6, 7, 5), (3, 3), (2, 2), "same"),
    ("3x2, stride 1, same", (1, 4, 5, 3), (3, 2), (1, 1), "same"),
    ("stride past the window", (1, 7, 8, 4), (2, 3), (3, 4), (0, 0, 0, 0)),
    ("explicit uneven pads", (1, 5, 4, 17), (3, 3), (2, 1), (1, 2, 2, 0)),
    ("global", (2, 3, 5, 7), (3, 5), (1, 1), (0, 0, 0, 0)),
    ("global, more than 256 cells", (1, 17, 17, 1), (17, 17), (1, 1), (0, 0, 0, 0)),
    ("1x1", (1, 2, 3, 4), (1, 1), (1, 1), (0, 0, 0, 0)),
]


def max_pool(input, window, stride, pads):
    """Padding is -inf, so that it never wins. Also the winning cell of the unclipped window; the first one of equals."""
    top, bottom, left, right = pads
    padded = F.pad(nchw(input), (left, right, top, bottom), value=-np.inf)
    output, index = F.max_pool2d(padded, window, stride, return_indices=True)
    out_y = torch.arange(output.shape[2]).reshape(-1, 1)
    out_x = torch.arange(output.shape[3])
    cell_y = torch.div(index, padded.shape[3], rounding_mode="floor") - out_y * stride[0]
    cell_x = index % padded.shape[3] - out_x * stride[1]
    return nhwc(output), nhwc(cell_y * window[1] + cell_x)


def average_pool(input, window, stride, pads):
    """Keras: the divisor counts the cells inside the image."""
    top, bottom, left, right = pads
    padded = F.pad(nchw(input), (left, right, top, bottom))
    inside = F.pad(torch.ones_like(nchw(input)), (left, right, top, bottom))
    return nhwc(F.avg_pool2d(padded, window, stride) / F.avg_pool2d(inside, window, stride))


def pool2d():
    random, cases = Random(102), []
    for name, shape, window, stride, pads in POOLS:
        pads = same_pads(*shape[1:3], window, stride) if pads == "same" else pads
        attributes = window_attributes(window, stride, pads)
        input = random.tensor(*shape)
        arrays = with_gradients(random, lambda input: max_pool(input, window, stride, pads)[0], input=input)
        arrays["argmax"] = max_pool(input, window, stride, pads)[1]
        cases.append((f"max {name}", {"kind": "max", **attributes}, arrays))
        arrays = with_gradients(random, lambda input: average_pool(input, window, stride, pads), input=input)
        cases.append((f"mean {name}", {"kind": "mean", **attributes}, arrays))
    window, stride, pads = (3, 3), (1, 1), (1, 1, 1, 1)
    ties = torch.round(random.tensor(1, 5, 4, 3) * 1.4)
    arrays = with_gradients(random, lambda input: max_pool(input, window, stride, pads)[0], input=ties)
    arrays["argmax"] = max_pool(ties, window, stride, pads)[1]
    cases.append(("max of ties takes the first", {"kind": "max", **window_attributes(window, stride, pads)}, arrays))
    return cases


EPSILON, MOMENTUM = 1e-3, 0.99


def batch_normalization():
    random, cases = Random(105), []
    for name, shape, offset, affine in [
        ("5 channels", (3, 2, 5, 5), 0, True),
        ("1 channel", (2, 3, 1, 1), 0, True),
        ("17 channels of a dense layer", (5, 1, 1, 17), 0, True),
        ("mean far from 0", (2, 3, 3, 3), 8, True),
        ("no gamma, no beta", (2, 3, 2, 7), 0, False),
    ]:
        channels = shape[3]
        inputs = {"input": random.tensor(*shape) + f32(offset)}
        if affine:
            inputs.update(gamma=random.tensor(channels) + 1.5, beta=random.tensor(channels))
        inputs = {key: torch.tensor(np.float32(value.numpy()).astype(np.float64)) for key, value in inputs.items()}

        def function(input, gamma=None, beta=None):
            return nhwc(F.batch_norm(nchw(input), None, None, gamma, beta, True, 0, f32(EPSILON)))

        arrays = with_gradients(random, function, **inputs)
        mean, variance = inputs["input"].mean((0, 1, 2)), inputs["input"].var((0, 1, 2), unbiased=False)
        running_mean, running_variance = random.tensor(channels), random.tensor(channels).abs() + 0.125
        keep = f32(MOMENTUM)
        arrays.update(mean=mean, variance=variance, runningMean=running_mean, runningVariance=running_variance)
        arrays["newRunningMean"] = running_mean * keep + mean * (1 - keep)
        arrays["newRunningVariance"] = running_variance * keep + variance * (1 - keep)

        def inference(input, gamma=None, beta=None):
            return nhwc(F.batch_norm(nchw(input), running_mean, running_variance, gamma, beta, False, 0, f32(EPSILON)))

        input = inputs["input"].clone().requires_grad_()
        output = inference(input, inputs.get("gamma"), inputs.get("beta"))
        arrays["inferenceOutput"] = output
        arrays["inferenceInputGrad"] = torch.autograd.grad(output, input, arrays["outputGrad"])[0]
        weight, bias = random.tensor(3, 1, 2, channels), random.tensor(channels)
        before = random.tensor(1, 5, 2, 2)
        convolved = convolve(before, weight, bias, (1, 1), (0, 0, 0, 0), (1, 1), 1)
        arrays.update(foldInput=before, foldWeight=weight, foldBias=bias)
        arrays["foldOutput"] = inference(convolved, inputs.get("gamma"), inputs.get("beta"))
        cases.append((name, {"epsilon": EPSILON, "momentum": MOMENTUM}, arrays))
    return cases
