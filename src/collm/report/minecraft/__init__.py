"""Builds as pictures and as files for the game, for every environment that shows ``voxels``.

``voxels`` asks the environment what an episode built, ``builds`` draws, ``game_files`` writes data packs and
schematics, ``pictures`` and ``exports`` do either for a whole run.
"""
