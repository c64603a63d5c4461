package dev.holdfast.cache.failover;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Warnings about what goes on nevertheless, each once a minute at most: what fails in every tick is the same twenty times a second. */
final class Warnings {
    static final String UNASKED = "what caches there are could not be found out";

    private static final Logger log = LoggerFactory.getLogger(FailoverStore.class);
    private static final long SAID_AGAIN = TimeUnit.MINUTES.toNanos(1);

    private final LongSupplier nanoTime;
    /** When each thing was last said: a few sentences, and one for each tier. */
    private final Map<String, Long> said = new ConcurrentHashMap<>();

    private volatile boolean stopped;

    Warnings(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    void stop() {
        stopped = true;
    }

    void warn(String what, Throwable e) {
        try {
            long now = nanoTime.getAsLong();
            Long before = said.get(what);
            if (!stopped && (before == null || now - before > SAID_AGAIN)) {
                said.put(what, now);
                log.warn(what, e);
            }
        } catch (Throwable again) {
            // The log itself may be what failed. There is nowhere else to say it, and to keep it may fail too.
        }
    }

    /** Runs what is not ours, and warns of what it throws. */
    void guarded(String failing, Runnable foreign) {
        try {
            foreign.run();
        } catch (Throwable e) {
            warn(failing, e);
        }
    }
}
