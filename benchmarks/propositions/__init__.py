"""Propositions 3.1 and 3.2 of the paper, drawn beside what the library's own rollouts do.

python -m benchmarks.propositions --picture docs/images/propositions.png --out propositions.json
"""
