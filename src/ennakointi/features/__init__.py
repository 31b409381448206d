"""What is known of a person at the end of a quarter: use, cost, conditions and states over 3, 12 and 24 months."""
