"""Who needs what: rule-based segments, latent classes, and how persons move between them."""
