package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.internal.Causes;
import dev.holdfast.cache.internal.ForeignText;
import java.net.ConnectException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Tests the connections to tiers, however many ask, once in a span of time for each tier: a test costs the server commands, and of one that is billed
 * money. Who asks while a test runs is told what the one before found if that is recent, and otherwise waits for it, so that a frozen server holds one
 * thread.
 */
final class TierProbes {
    private static final long RECENT_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final Map<String, Course> byTier = new ConcurrentHashMap<>();
    private final LongSupplier nanoTime;

    TierProbes(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Sends a probe that takes no longer than it may. */
    interface Sender {
        ProbeResult probe(Duration timeout);
    }

    /** The tests of one tier. */
    private static final class Course {
        @Nullable
        TierProbe last;

        long lastAt;

        @Nullable
        CompletableFuture<TierProbe> running;
    }

    /** Tells of a test that began no longer than {@code pause} ago, or makes one on the calling thread. */
    TierProbe probe(String tier, Duration timeout, Duration pause, Sender sender) {
        Course course = byTier.computeIfAbsent(tier, any -> new Course());
        CompletableFuture<TierProbe> own = new CompletableFuture<>();
        CompletableFuture<TierProbe> running;
        synchronized (course) {
            long age = nanoTime.getAsLong() - course.lastAt;
            TierProbe last = course.last;
            running = course.running;
            if (last != null && (age < pause.toNanos() || (running != null && age < RECENT_NANOS))) {
                return last;
            }
            if (running == null) {
                course.running = own;
            }
        }
        return running == null ? test(course, own, timeout, sender) : await(running, timeout);
    }

    private TierProbe test(Course course, CompletableFuture<TierProbe> answer, Duration timeout, Sender sender) {
        long begin = nanoTime.getAsLong();
        TierProbe found = failed(Instant.now(), "the test was broken off");
        try {
            found = sent(timeout, sender, begin, found.time());
            return found;
        } finally {
            synchronized (course) {
                course.last = found;
                course.lastAt = begin;
                course.running = null;
            }
            answer.complete(found);
        }
    }

    private TierProbe sent(Duration timeout, Sender sender, long begin, Instant time) {
        Function<Boolean, TierProbe> answered =
                writable -> new TierProbe(true, Duration.ofNanos(nanoTime.getAsLong() - begin), writable, null, time);
        try {
            return answered.apply(sender.probe(timeout).writable());
        } catch (CacheRejectedException e) {
            return answered.apply(false);
        } catch (CacheException e) {
            return failed(time, why(e));
        }
    }

    private static TierProbe await(CompletableFuture<TierProbe> running, Duration timeout) {
        Instant time = Instant.now();
        try {
            return running.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException | ExecutionException e) {
            return failed(time, "no answer within " + timeout.toMillis() + " ms");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return failed(time, "interrupted");
        }
    }

    private static TierProbe failed(Instant time, String why) {
        return new TierProbe(false, null, false, why, time);
    }

    /** Short and the same for every store, where the cause is a usual one. */
    private static String why(CacheException failure) {
        if (failure instanceof CacheTimeoutException) {
            return "no answer in time";
        }
        return Causes.find(failure, ConnectException.class) != null
                ? "connection refused"
                : ForeignText.shown(failure.getMessage());
    }
}
