package dev.holdfast.cache.single;

import dev.holdfast.cache.Backoff;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.PartialOutage;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process that answers at the server's address: by the name that {@code INFO server} gives it ({@code run_id}, another after each
 * start), and for users who may not ask that by the numbers of their connections ({@code CLIENT ID}), which rise from one
 * connection to the next and begin anew with the process. One that was not met before may have older data than what was acknowledged, even if no call and no probe failed
 * meanwhile. Once a composite has asked for outages, no call is sent to a new process before its canary was compared and the
 * composite has settled what follows. Thread-safe.
 */
final class Restarts {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final Pattern RUN_ID = Pattern.compile("(?m)^run_id:(\\p{XDigit}{8,64})\\s*$");
    private static final long ALTERNATING_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final JedisErrors errors;
    private final Executor threads;
    private final Backoff comparisons = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
    private volatile Consumer<Canary.Told> comparison = told -> {};

    /** Guarded by this, as what follows. */
    private @Nullable String present;

    private @Nullable String previous;
    private Numbers numbers = new Numbers(0, 0);
    private long changedAt;
    private boolean several;
    private boolean compared;
    private boolean lost;
    private long events;
    private @Nullable PartialOutage told;

    private volatile boolean named = true;
    private volatile boolean unsettled;
    /** Whether there is somebody who asks, so that it is worth to wait for. */
    private volatile boolean heard;

    /**
     * Creates one that has met nobody.
     *
     * @param threads where canaries are compared
     */
    Restarts(JedisErrors errors, Executor threads) {
        this.errors = errors;
        this.threads = threads;
    }

    /** Sets how a canary is compared: blocks for a bounded time, tells what came of it, or throws. */
    void compareBy(Consumer<Canary.Told> comparison) {
        this.comparison = comparison;
    }

    /**
     * The numbers of connections as they were at some time.
     *
     * @param starts how often they had begun anew
     * @param highest since then; 0 if none is known
     */
    record Numbers(int starts, long highest) {}

    /** To be asked when an attempt to connect begins. */
    synchronized Numbers numbers() {
        return numbers;
    }

    /** Whether the server has not refused yet to say what it is called: a refusal is noted there as a breach. */
    boolean mayAskForNames() {
        return named;
    }

    /**
     * A connection was opened, and is about to be used.
     *
     * @param number the answer to {@code CLIENT ID}
     * @param info the answer to {@code INFO server}; {@code null} if it was not asked for
     * @param before the numbers when the attempt began
     * @return the name of the process that it leads to; {@code null} if neither answer says anything
     */
    @Nullable
    String met(@Nullable Object number, @Nullable Object info, Numbers before) {
        String name = null;
        if (info instanceof byte[] text) {
            Matcher line = RUN_ID.matcher(new String(text, StandardCharsets.ISO_8859_1));
            name = line.find() ? line.group(1) : null;
        } else if (info != null) {
            named = false;
        }
        if (name == null && number instanceof Long known && known > 0) {
            name = byNumber(known, before);
        }
        if (name != null && isNew(name)) {
            compare();
        }
        return name;
    }

    private synchronized String byNumber(long number, Numbers before) {
        boolean anew = number < before.highest && numbers.starts == before.starts;
        numbers = anew
                ? new Numbers(numbers.starts + 1, number)
                : new Numbers(numbers.starts, Math.max(number, numbers.highest));
        return "start " + numbers.starts;
    }

    private synchronized boolean isNew(String process) {
        if (several || process.equals(present)) {
            return false;
        }
        long now = System.nanoTime();
        if (process.equals(previous) && now - changedAt < ALTERNATING_NANOS) {
            several = true;
            compared = true;
            LOG.warn(errors.severalServers());
            return false;
        }
        boolean restarted = present != null && heard;
        previous = present;
        present = process;
        changedAt = now;
        if (restarted) {
            compared = false;
            happened();
        }
        return restarted;
    }

    private void happened() {
        events++;
        told = null;
        unsettled = true;
    }

    private void compare() {
        if (!comparisons.tryBegin(System.nanoTime())) {
            return;
        }
        boolean begun = false;
        try {
            threads.execute(this::compareNow);
            begun = true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            LOG.debug("no thread to compare a canary on", e);
        } finally {
            if (!begun) {
                comparisons.failed(System.nanoTime());
            }
        }
    }

    private void compareNow() {
        boolean answered = false;
        try {
            comparison.accept((process, result) -> compared(process, result.wentBack()));
            answered = true;
        } catch (RuntimeException e) {
            LOG.debug("a canary could not be compared", e);
        } finally {
            if (answered) {
                comparisons.succeeded();
            } else {
                comparisons.failed(System.nanoTime());
            }
        }
    }

    /** Whether a connection to this process leads to the one that was met last, as far as is known. */
    synchronized boolean isPresent(@Nullable String process) {
        return process == null || several || process.equals(present);
    }

    /** Whether calls have to be kept from a process whose forgotten changes nobody has made up for. */
    boolean holds() {
        return unsettled && heard;
    }

    /** What a call is told that is kept from it. Has its canary compared, unless that is under way. */
    CacheUnavailableException refused() {
        if (isUncompared()) {
            compare();
        }
        return errors.restarted();
    }

    private synchronized boolean isUncompared() {
        return unsettled && !compared;
    }

    /**
     * A canary was compared.
     *
     * @param process whose
     * @param wentBack whether it shows that acknowledged changes are lost, and nobody else is told so
     */
    synchronized void compared(@Nullable String process, boolean wentBack) {
        compared |= isPresent(process);
        if (wentBack) {
            lost = true;
            happened();
        }
    }

    /** What is to be settled; {@code null} if nothing is, or is not known yet. Whoever asks is waited for from now on. */
    @Nullable
    PartialOutage ask() {
        heard = true;
        return unsettled ? toSettle() : null;
    }

    private synchronized @Nullable PartialOutage toSettle() {
        if (compared && told == null) {
            long known = events;
            told = new PartialOutage(key -> true, lost, () -> settle(known));
        }
        return compared ? told : null;
    }

    /** If something happened since, it is settled with that. */
    private synchronized void settle(long known) {
        if (known == events) {
            lost = false;
            told = null;
            unsettled = false;
        }
    }
}
