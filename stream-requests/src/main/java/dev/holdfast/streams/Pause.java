package dev.holdfast.streams;

import dev.holdfast.cache.internal.Backoff;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Whether something gets on with Redis, and how long it rests if it does not: from 50 ms to a second. Logs the beginning and the end
 * of trouble, nothing between. For any number of threads.
 */
final class Pause {
    private static final long LASTING_NANOS = 1_000_000_000;

    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
    private final Logger log;
    private final String what;
    private volatile @Nullable String trouble;
    private volatile long since = System.nanoTime();

    /** Begins with {@code trouble}, unless that is null. */
    Pause(Logger log, String what, @Nullable String trouble) {
        this.log = log;
        this.what = what;
        this.trouble = trouble;
    }

    boolean isInTrouble() {
        return trouble != null;
    }

    Optional<String> trouble() {
        return Optional.ofNullable(trouble);
    }

    /** What has been wrong for a second and more; empty if it may be one lost connection. */
    Optional<String> lastingTrouble() {
        String present = trouble;
        return present != null && System.nanoTime() - since >= LASTING_NANOS ? Optional.of(present) : Optional.empty();
    }

    synchronized void worked() {
        trouble = null;
        if (backoff.failures() > 0) {
            log.info("{}: Redis answers", what);
            backoff.succeeded();
        }
    }

    /** Takes note of a failure; {@link #rest()} is due. */
    synchronized void failed(Throwable e) {
        if (trouble == null) {
            since = System.nanoTime();
            // If there is no memory to say more.
            trouble = "it failed";
        }
        backoff.failed(System.nanoTime());
        String shown = Trouble.shown(e);
        if (backoff.failures() == 1) {
            log.warn("{}: {}; trying again until Redis is back", what, shown);
        }
        trouble = shown;
    }

    synchronized long remainingNanos() {
        return backoff.remaining(System.nanoTime()).toNanos();
    }

    /** Rests as long as the failures ask for; less if the thread is interrupted or unparked. */
    void rest() {
        long nanos = remainingNanos();
        if (nanos > 0) {
            LockSupport.parkNanos(this, nanos);
        }
    }
}
