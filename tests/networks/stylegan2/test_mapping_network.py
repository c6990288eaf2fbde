"""The mapping from latent vectors and conditions to styles."""

from __future__ import annotations

import torch

from scanfill.networks.stylegan2.mapping_network import MappingNetwork, normalized


def conditions(*rows: float) -> torch.Tensor:
    return torch.tensor([[[row, 1.0], [-1.0, -1.0]] for row in rows])


def test_the_length_of_a_latent_vector_does_not_count() -> None:
    torch.manual_seed(0)
    network = MappingNetwork([3, 0], 16, layers=2)
    latent = torch.randn(4, 16)
    torch.testing.assert_close(network(latent, conditions(0, 1, 2, 0)), network(5 * latent, conditions(0, 1, 2, 0)))


def test_normalized_vectors_have_a_mean_square_of_one() -> None:
    torch.testing.assert_close(normalized(torch.randn(3, 8) * 9).square().mean(dim=1), torch.ones(3))


def test_a_condition_changes_the_style_and_unknown_ones_are_alike() -> None:
    torch.manual_seed(0)
    network, latent = MappingNetwork([3, 0], 16, layers=2), torch.randn(1, 16)
    one, other = network(latent, conditions(0)), network(latent, conditions(1))
    assert (one - other).abs().max() > 0.01
    unknown = torch.full((1, 2, 2), -1.0)
    strange = unknown.clone()
    strange[:, 0, 0] = 2
    torch.testing.assert_close(network(latent, unknown), network(latent, strange))


def test_styles_of_random_weights_have_about_unit_variance() -> None:
    torch.manual_seed(0)
    network = MappingNetwork([3, 0], 128)
    styles = network(torch.randn(200, 128), conditions(*[0.0] * 200))
    assert 0.3 < styles.square().mean().item() < 3
