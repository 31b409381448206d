"""Whole paths of counts ahead, for anything cumulated or thresholded: simulated, re-centred, and calibrated on sums.

Functions of arrays. n is the number of past periods, h of periods ahead, p of paths.
"""
