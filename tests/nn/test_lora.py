"""Low-rank additions: nothing at the start, plain weights at the end."""

from __future__ import annotations

import torch
from torch import nn

from lamina.nn.attention import EncoderBlock
from lamina.nn.linear import Linear
from lamina.nn.lora import LoRA, add_lora, merge_lora


def block() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return nn.Sequential(EncoderBlock(8, 2, 16), Linear(8, 20, activation="relu"), Linear(20, 3)), torch.randn(4, 5, 8)


def test_it_starts_as_the_plain_network() -> None:
    network, rows = block()
    before = network(rows)
    assert add_lora(network, rank=2) == 6
    assert torch.equal(network(rows), before)


def test_the_added_weights_alone_learn() -> None:
    network, _ = block()
    network.requires_grad_(False)
    add_lora(network, rank=2)
    learning = {name.rpartition(".")[2] for name, one in network.named_parameters() if one.requires_grad}
    assert learning == {"down", "up"}


def test_merged_it_is_a_plain_network_of_the_same_answers() -> None:
    network, rows = block()
    names = list(network.state_dict())
    add_lora(network, rank=2)
    for module in network.modules():
        if isinstance(module, LoRA):
            nn.init.normal_(module.up)
    learned = network(rows)
    merge_lora(network)
    assert list(network.state_dict()) == names
    assert all(one.requires_grad for one in network.parameters())
    assert torch.allclose(network(rows), learned, atol=1e-5)


def test_its_start_is_a_function_of_the_seed_and_the_name() -> None:
    def start(seed: int, noise: int) -> dict[str, torch.Tensor]:
        network, _ = block()
        torch.manual_seed(noise)
        add_lora(network, rank=2, seed=seed)
        return {name: value for name, value in network.state_dict().items() if name.endswith("down")}

    one, same, other = start(0, 1), start(0, 2), start(1, 1)
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    assert not any(torch.equal(value, other[name]) for name, value in one.items())
