package dev.holdfast.cache.cluster;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One probe of a node: on the connection that is kept for that and, if that one breaks or says nothing, on a fresh one beside it. It
 * fails only if both did: what one connection does says nothing of the server. Thread-safe; nothing waits under its lock.
 */
final class Probe {
    /** Asks one connection for a probe. */
    @FunctionalInterface
    interface Question {
        CompletableFuture<Finding> ask(Probe probe, Link link);
    }

    private final Node node;
    private final Question question;
    private final Consumer<Finding> atEnd;
    private final CompletableFuture<Finding> finding = new CompletableFuture<>();
    private final long startNanos = System.nanoTime();
    private final Link first;
    private final boolean wasOpen;
    private @Nullable Link second;
    private int asked;
    private boolean ended;

    /** Whether the node answered something, though not yet what it was asked. */
    private volatile boolean spoke;

    /** When it was noticed to take too long; of the watch's thread. */
    private boolean overdue;

    private long overdueAt;

    /** What the watch had lost by then. */
    private long lostUntilOverdue;

    /** What the watch had lost when it first looked; of its thread. */
    private long lostBefore = -1;

    /**
     * Prepares one.
     *
     * @param atEnd hears what came of it before anybody else does
     */
    Probe(Node node, Question question, Consumer<Finding> atEnd) {
        this.node = node;
        this.question = question;
        this.atEnd = atEnd;
        this.first = node.pool().control();
        this.wasOpen = first.isOpen();
    }

    void begin() {
        ask(first);
    }

    /** What came of it; never fails. */
    CompletableFuture<Finding> finding() {
        return finding;
    }

    long startNanos() {
        return startNanos;
    }

    /** The connection that it began on. */
    Link first() {
        return first;
    }

    /** Whether that was open already. */
    boolean wasOpen() {
        return wasOpen;
    }

    /**
     * Whether it is the first time that it is noticed to be overdue; to be called by one thread.
     *
     * @param now a moment
     * @param lostNanos for how long that thread was kept from running since it exists
     */
    boolean noticeOverdue(long now, long lostNanos) {
        if (overdue) {
            return false;
        }
        overdueAt = now;
        lostUntilOverdue = lostNanos;
        overdue = true;
        return true;
    }

    /** Whether that was noticed so long ago, without the time in which the thread was kept from running; to be called by one thread. */
    boolean isOverdueFor(long nanos, long now, long lostNanos) {
        return overdue && now - overdueAt - (lostNanos - lostUntilOverdue) > nanos;
    }

    /** For how long the watch did not run since it first looked at this; to be called by one thread. */
    long lostSince(long lostNanos) {
        if (lostBefore < 0) {
            lostBefore = lostNanos;
        }
        return lostNanos - lostBefore;
    }

    /** Tries a fresh connection beside the first, once, unless the first is one. */
    synchronized void tryFresh() {
        if (second == null && wasOpen && !ended) {
            Link fresh = node.pool().fresh();
            second = fresh;
            ask(fresh);
        }
    }

    private synchronized void ask(Link link) {
        asked++;
        CompletableFuture<?> unused = ask0(link).whenComplete((found, failure) -> heard(link, found, failure));
    }

    private CompletableFuture<Finding> ask0(Link link) {
        try {
            return question.ask(this, link);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void heard(Link link, @Nullable Finding found, @Nullable Throwable failure) {
        Finding known = found != null
                ? found
                : Finding.ill(false, failure == null ? new IllegalStateException("no answer") : failure);
        synchronized (this) {
            asked--;
            CloseReason closeReason = link.closeReason();
            if (!known.alive()
                    && closeReason != null
                    && closeReason.kind() != CloseReason.Kind.HUNG
                    && closeReason.kind() != CloseReason.Kind.DISCARDED) {
                known = Finding.inconclusive(
                        closeReason.cause() == null
                                ? new IllegalStateException("the connection was closed")
                                : closeReason.cause());
            } else if (!known.alive() && !ended) {
                tryFresh();
                if (asked > 0) {
                    return;
                }
            }
        }
        end(known, link);
    }

    /** Notes that the node answered something, though not yet what it was asked. */
    void spoke() {
        spoke = true;
    }

    /** Ends it without an answer. A node that answered somebody in its second half lives, and holds back what it was asked. */
    void timeOut() {
        long middle = startNanos + (System.nanoTime() - startNanos) / 2;
        boolean lives = spoke || node.pool().spokeSince(middle);
        String what = lives ? "it answers, but not what its probe asked" : "no answer to a probe";
        end(Finding.ill(lives, new TimeoutException(what)), null);
    }

    private void end(Finding found, @Nullable Link by) {
        Link fresh;
        synchronized (this) {
            if (ended) {
                return;
            }
            ended = true;
            fresh = second;
        }
        try {
            keepOrDrop(fresh, found.alive() && by == fresh);
        } finally {
            try {
                atEnd.accept(found);
            } finally {
                finding.complete(found);
            }
        }
    }

    private void keepOrDrop(@Nullable Link fresh, boolean answeredFirst) {
        if (fresh != null && answeredFirst) {
            node.pool().replaceControl(fresh, CloseReason.hung("another connection answered first"));
        } else if (fresh != null) {
            node.pool().drop(fresh, new CloseReason(CloseReason.Kind.DISCARDED, null));
        }
    }
}
