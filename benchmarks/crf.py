"""The CRF's loss and gradient in closed form against torchcrf's by autograd, on a step of frames: 60 turns, 21 tags."""

import json
import time
from collections.abc import Callable

import torch
from torchcrf import CRF

from lib.training.crf import negative_log_likelihood

STEPS, TURNS, TOKENS, TAGS = 100, 60, 45, 21


def main() -> None:
    torch.set_num_threads(1)  # As in each process of a sweep.
    torch.manual_seed(0)
    crf = CRF(TAGS, batch_first=True)
    emissions = torch.randn(TURNS, TOKENS, TAGS).requires_grad_()
    tags = torch.randint(0, TAGS, (TURNS, TOKENS))
    mask = torch.arange(TOKENS)[None] < torch.randint(5, TOKENS + 1, (TURNS, 1))
    theirs = milliseconds(lambda: -crf(emissions, tags, mask, reduction="sum"))
    ours = milliseconds(lambda: negative_log_likelihood(crf, emissions, tags, mask))
    print(f"torchcrf {theirs:.1f} ms of the processor a step, in closed form {ours:.1f}")
    print(json.dumps({"crf_ratio": round(theirs / ours, 2)}))


def milliseconds(loss: Callable[[], torch.Tensor]) -> float:
    loss().backward()
    started = time.process_time()
    for _ in range(STEPS):
        loss().backward()
    return 1000 * (time.process_time() - started) / STEPS


if __name__ == "__main__":
    main()
