"""Periods as people write them in files (months, weeks, days, whole numbers), read onto a regular grid."""
