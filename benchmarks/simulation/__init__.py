"""Updates of teams on clusters, event by event: where the time goes, and what lagging weights buy."""
