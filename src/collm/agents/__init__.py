"""Agents and critics: context, policy and learner of each, and what critics read of a tree.

Plain data in, plain data out. An agent knows no other agent, no reward and no algorithm's estimates.
"""
