"""Quarterly analyses for a wellbeing services county (hyvinvointialue): open a quarter with `ennakointi.study`."""

__version__ = "0.7.0"
