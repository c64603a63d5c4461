package dev.holdfast.streams;

import java.util.concurrent.atomic.LongAdder;

/** What a server did, counted as it happens. */
final class ServerCounters {
    final LongAdder answered = new LongAdder();
    final LongAdder replayed = new LongAdder();
    final LongAdder attemptsFailed = new LongAdder();
    final LongAdder expired = new LongAdder();
    final LongAdder dead = new LongAdder();
    final LongAdder orphans = new LongAdder();
    final LongAdder redelivered = new LongAdder();

    ServerCounts sums() {
        return new ServerCounts(
                answered.sum(),
                replayed.sum(),
                attemptsFailed.sum(),
                expired.sum(),
                dead.sum(),
                orphans.sum(),
                redelivered.sum());
    }
}
