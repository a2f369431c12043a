"""Two data centers on one machine: what the demo runs and what the system tests run against.

layout     which processes and keepers there are, with their ports (values only)
configs    their configuration files
process    detached processes with pid files
resp, rest a Redis client and a JSON client, as small as they can be
observe    what Redis servers, keepers and Sentinels say about themselves
chain      is the replication chain as it should be? (values only: observation → problems)
inventory  tells the console about everything, as an operator would
stages     up, down, status: the order of it all
"""
