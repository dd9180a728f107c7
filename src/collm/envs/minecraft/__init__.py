"""Minecraft building: voxel worlds simulated in memory, no game server.

``building`` holds what the environments share: players, turns and how observations are framed (``framing``);
``looks`` tells viewers and reports how a build looks. For HouseBuild, ``blueprint`` reads targets,
``commands`` reads replies, ``world`` builds and measures, ``spiders`` bite, ``prompts`` and ``feedback``
write what agents see, and ``house_readings`` holds what the paper and its reference code decide
differently. For StrBuild, ``lettering`` draws targets, ``setblock`` reads replies, and the modules named
``lettering_...`` do the rest.
"""
