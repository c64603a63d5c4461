package dev.holdfast.streams;

/** What a server did with requests. */
record ServerCounts(
        long answered, long replayed, long attemptsFailed, long expired, long dead, long orphans, long redelivered) {}
