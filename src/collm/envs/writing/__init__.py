"""Collaborative writing in a single turn: texts written side by side, scored by how they fit together.

``readings`` holds what the paper and its reference code decide differently. ``texts`` measures, ``reward``
scores, ``prompts`` and ``paragraphs`` hold what a model reads and how one reply becomes two texts, ``marks``
shows which words counted, ``posts`` and ``abstracts`` generate the embedded data; ``base`` ties them into
environments.
"""
