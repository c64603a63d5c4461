package dev.holdfast.cache.examples;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** A source that takes its time and fails every so often. For any number of threads. */
final class SlowOrigin {
    private final Duration delay;
    private final int failEvery;
    private final AtomicLong calls = new AtomicLong();

    /** Fails its n-th call, its 2n-th and so on, after the same delay as it answers the others. */
    SlowOrigin(Duration delay, int failEvery) {
        this.delay = delay;
        this.failEvery = failEvery;
    }

    /** Where the events of an account are to be sent. */
    String endpointOf(String account) throws IOException, InterruptedException {
        long call = calls.incrementAndGet();
        Thread.sleep(delay.toMillis());
        if (call % failEvery == 0) {
            throw new IOException("the origin failed its call " + call);
        }
        return "https://" + account + ".example/hook";
    }

    long calls() {
        return calls.get();
    }
}
