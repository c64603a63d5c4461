package dev.holdfast.streams;

/** How the calls of a client ended. */
record ClientCounts(long accepted, long answered, long failed, long timedOut, long rejected, long unclaimed) {}
