"""The paper's claim in small: does a centralized critic win where rewards are sparse and episodes long?

    make claim

trains every method on every arm of the game Ledger, measures gradients at fixed weights, and writes
``docs/claim.md`` with its pictures. Rows that are in the results file already are kept, so an interrupted
call goes on, and a part of the rows makes a page too. See ``python -m benchmarks.claim --help``.
"""
