"""What a shard remembers: plain records in memory, their timers, the ids it has seen, and how they are kept."""
