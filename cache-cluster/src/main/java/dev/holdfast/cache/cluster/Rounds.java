package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The rounds in which nodes are asked for the topology, for those who wait for one to end. One thread begins and ends them, one after
 * the other; any thread waits. Its monitor guards what writes its fields, and nobody waits in it.
 */
final class Rounds {
    /** So long after a round without an answer nobody waits for the next one. */
    private static final long FAILED_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final LettuceErrors errors;
    private final RefreshSchedule schedule;

    /** Completed at the end of the next round that begins. */
    private volatile CompletableFuture<Void> next = new CompletableFuture<>();

    /** Completed at the end of the round that is under way; if there is none, that is the next one. */
    private CompletableFuture<Void> present = next;

    private long begunAt = System.nanoTime();
    private long endedAt;
    private volatile long freshSince = begunAt;
    private boolean answered;
    private @Nullable CacheUnavailableException failure;

    Rounds(LettuceErrors errors, RefreshSchedule schedule) {
        this.errors = errors;
        this.schedule = schedule;
    }

    /** Begins one; returns whether somebody wanted it. */
    synchronized boolean begin() {
        // The wish is taken first: whoever has another from now on may wait for the next round.
        boolean wanted = schedule.begin();
        begunAt = System.nanoTime();
        if (present == next) {
            next = new CompletableFuture<>();
        }
        return wanted;
    }

    /**
     * Ends the one that is under way, if there is one.
     *
     * @param why that nobody answered; {@code null} if somebody did, and what he said is known
     */
    synchronized void end(@Nullable CacheUnavailableException why) {
        schedule.ended();
        if (present == next) {
            return;
        }
        endedAt = System.nanoTime();
        freshSince = begunAt;
        failure = why;
        if (why == null) {
            answered = true;
            present.complete(null);
        } else {
            present.completeExceptionally(why);
        }
        present = next;
    }

    /** Fails those who wait now. */
    synchronized void fail(CacheUnavailableException why) {
        boolean underWay = present != next;
        present.completeExceptionally(why);
        next.completeExceptionally(why);
        next = new CompletableFuture<>();
        present = underWay ? new CompletableFuture<>() : next;
    }

    /** Whether one that is over began after a moment, whatever came of it. */
    boolean isFresh(long moment) {
        return freshSince - moment > 0;
    }

    /** Whether none is over yet, and so much time since the first began. */
    synchronized boolean isFirst(long nanos) {
        return !answered && failure == null && System.nanoTime() - begunAt < nanos;
    }

    /**
     * Waits until there was an answer.
     *
     * @param until when to give up
     * @throws CacheUnavailableException if the round that is under way, or the next, has none
     */
    void awaitFirst(long until) {
        CompletableFuture<Void> end;
        synchronized (this) {
            if (answered) {
                return;
            }
            if (failure != null && System.nanoTime() - endedAt < FAILED_GAP_NANOS) {
                throw errors.again(failure);
            }
            end = present;
        }
        await(end, until);
    }

    /**
     * Waits for one that begins from now on, whatever comes of it.
     *
     * @param until when to give up
     */
    void awaitNext(long until) {
        try {
            await(next, until);
        } catch (CacheUnavailableException e) {
            // What is known by now is taken.
        }
    }

    private void await(CompletableFuture<Void> end, long until) {
        schedule.wantNow();
        try {
            end.get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException e) {
            throw errors.noTopology(e);
        } catch (ExecutionException e) {
            throw errors.again(e.getCause() instanceof CacheUnavailableException known ? known : errors.noTopology(e));
        }
    }
}
