"""Pictures of a site, drawn from what it declares: one graph, as SVG, mermaid or text. No I/O."""
