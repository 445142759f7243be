"""Every figure is one Vega-Lite specification. Knows nothing of stores or services."""
