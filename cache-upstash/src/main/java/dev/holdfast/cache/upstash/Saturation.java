package dev.holdfast.cache.upstash;

import dev.holdfast.cache.internal.CallObservers;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the calls that found no free connection, and tells observers how long the others waited for one. Probes have a connection of their own, so that they can be well while no call
 * gets through: a tier in which so many calls in a row found none, and not one an answer, is no tier that serves. Thread-safe.
 */
final class Saturation {
    private static final Logger LOG = LoggerFactory.getLogger(UpstashStore.class);
    private static final int SHUT = 8;

    private final String address;
    private final CallObservers observers;
    private final LongAdder total = new LongAdder();
    private final AtomicInteger sinceAnswer = new AtomicInteger();

    Saturation(String address) {
        this(address, new CallObservers());
    }

    Saturation(String address, CallObservers observers) {
        this.address = address;
        this.observers = observers;
    }

    /** A call has got a connection for which it has waited since a moment, by {@link System#nanoTime()}. */
    void waited(long since) {
        if (observers.isObserved()) {
            observers.waited(address, System.nanoTime() - since);
        }
    }

    void another(int active, int waiting) {
        total.increment();
        if (sinceAnswer.incrementAndGet() == SHUT) {
            LOG.warn(
                    "{}: the last {} calls found no free connection, and none was answered meanwhile: {} requests are under"
                            + " way, {} calls wait; health says that it is not available until one is answered",
                    address,
                    SHUT,
                    active,
                    waiting);
        }
    }

    /** A call was answered. */
    void answered() {
        if (sinceAnswer.get() != 0 && sinceAnswer.getAndSet(0) >= SHUT) {
            LOG.info("{}: calls are answered again", address);
        }
    }

    long total() {
        return total.sum();
    }

    /** Whether no call gets through. */
    boolean isShut() {
        return sinceAnswer.get() >= SHUT;
    }
}
