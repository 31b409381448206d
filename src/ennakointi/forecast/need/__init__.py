"""Need in years: people by age and sex, assumptions about the future, and what the contacts take to give."""
