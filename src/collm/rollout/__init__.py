"""The only place where agents meet an environment: trees of joint turns, replays, and probes of a tree."""

from collm.rollout.grower import Reset as Reset
from collm.rollout.grower import Rollout as Rollout
from collm.rollout.growing import rollout as rollout
from collm.rollout.probing import probed as probed
from collm.rollout.replaying import replay as replay
