"""Checking a model's version: its datasets compared with each other.

    tally_query   a connection's rows -> SQL that counts them, in one pass
    tally         what it gave, as values
    ids ... overlap   two or more tallies -> findings, one file a stage
    stages        the stages, in the order in which they are to be mended

A stage is a pure function over tallies. What it needs beyond them (which value is it exactly? would
ids match by their lower case?) it asks for, and only where there is something to say.
"""
