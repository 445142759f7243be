"""Between profiles: similarity, tiers, deviations, components, clusters."""
