"""Minecraft building: voxel worlds simulated in memory, no game server.

``building`` holds what the environments share: players, turns and how observations are framed. For
HouseBuild, ``blueprint`` reads targets, ``commands`` reads replies, ``world`` builds and measures,
``spiders`` bite, ``prompts`` and ``feedback`` write what agents see. For StrBuild, ``lettering`` draws
targets, ``setblock`` reads replies, and ``lettering_score``, ``_prompts`` and ``_feedback`` do the rest.
``looks`` tells viewers and reports how a build looks.
"""
