"""Forecasts of need: the engine, its hierarchy, and the demographic driver that carries it on."""
