"""The environment of :mod:`runtime_gym.verifiers`, under a name that verifiers finds: the id of an environment has no dots."""

from __future__ import annotations

from runtime_gym.verifiers import EpisodeEnv, EpisodeHarness, EpisodeTaskset

__all__ = ["EpisodeEnv", "EpisodeHarness", "EpisodeTaskset"]
