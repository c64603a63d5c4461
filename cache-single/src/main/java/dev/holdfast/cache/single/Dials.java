package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.Backoff;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The attempts to connect: how many there are at once, and when the next may begin. What they open goes to the {@link Pipelines}. After a failure there is one
 * at a time, with pauses, until a connection has answered a call. Thread-safe; nothing waits under its lock.
 */
final class Dials {
    /** One that takes longer to open, or twice the usual silence, may hang: another is opened beside it. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final int LEAST_BESIDE = 3;

    /** After failures so long passes between one that was opened and the next, while none of them has answered a call. */
    private static final Duration UNPROVEN_PAUSE = Duration.ofMillis(100);

    private final Connector connector;
    private final JedisErrors errors;
    private final RoundTrip roundTrip;
    private final Pipelines pipelines;
    private final Consumer<@Nullable CacheUnavailableException> whenEnded;
    private final IntSupplier callers;
    private final AtomicBoolean redialling = new AtomicBoolean();
    private final int size;
    private final Backoff backoff;

    /** Held by whoever decides that more are begun, and by whoever counts a failure. */
    private final ReentrantLock lock = new ReentrantLock();

    private final AtomicInteger dialling = new AtomicInteger();

    /** When each of those that are being opened was begun. */
    private final Map<Link, Long> opening = new ConcurrentHashMap<>();

    private volatile @Nullable CacheUnavailableException lastFailure;

    /**
     * Creates one that has begun nothing.
     *
     * @param whenEnded called when an attempt to connect has ended: with the failure, if callers have no other
     *     connection to wait for
     * @param callers how many callers could use a connection when a pause is over; 0 if no call waits for one
     */
    Dials(
            SingleConfig config,
            Connector connector,
            JedisErrors errors,
            RoundTrip roundTrip,
            Pipelines pipelines,
            Consumer<@Nullable CacheUnavailableException> whenEnded,
            IntSupplier callers) {
        this.connector = connector;
        this.errors = errors;
        this.roundTrip = roundTrip;
        this.pipelines = pipelines;
        this.whenEnded = whenEnded;
        this.callers = callers;
        this.size = config.poolSize();
        this.backoff = connector.backoff();
    }

    /** Whether there is no connection, but soon may be. */
    boolean isConnecting() {
        return pipelines.all().length == 0 && dialling.get() > 0;
    }

    /** Why the last attempt to connect failed; {@code null} if a call was answered since. */
    @Nullable
    CacheUnavailableException lastFailure() {
        return lastFailure;
    }

    /**
     * Opens connections, if so many callers could use more than there are. Those that take long count no more, since what hangs is that attempt and not the
     * server, as far as anybody knows; but there are never more than as many again as may be kept, or {@value #LEAST_BESIDE}. While there is a pause,
     * they are opened when it is over, if they are wanted still.
     */
    void dialFor(int many) {
        dialNow(many);
        long pause = pause();
        if (pause <= 0 || !redialling.compareAndSet(false, true)) {
            return;
        }
        boolean begun = false;
        try {
            begun = SenderThreads.execute(connector, () -> redial(pause));
        } finally {
            if (!begun) {
                redialling.set(false);
            }
        }
    }

    private void redial(long pause) {
        try {
            LockSupport.parkNanos(pause);
        } finally {
            redialling.set(false);
        }
        int many = callers.getAsInt();
        if (many > 0) {
            dialFor(many);
        }
    }

    private void dialNow(int many) {
        if (missing(many) <= 0) {
            return;
        }
        // After a failure one attempt at a time, with pauses; who waits is handed what becomes of it.
        boolean alone = backoff.failures() > 0;
        if (alone && !backoff.tryBegin(System.nanoTime())) {
            return;
        }
        int count;
        lock.lock();
        try {
            count = Math.max(0, missing(many));
            count = alone ? Math.min(1, count) : count;
            dialling.addAndGet(count);
        } finally {
            lock.unlock();
        }
        if (alone && count == 0) {
            backoff.abandoned();
        }
        int begun = 0;
        try {
            for (; begun < count; begun++) {
                dial(alone);
            }
        } finally {
            // Want of memory must not have others wait for what nobody opens.
            dialling.addAndGet(begun - count);
            if (alone && begun < count) {
                backoff.abandoned();
            }
        }
    }

    private void dial(boolean alone) {
        Link link = connector.dial();
        boolean heard = false;
        try {
            opening.put(link, System.nanoTime());
            link.whenUseful(this::isUseful);
            CompletableFuture<Link> unused =
                    link.opened().whenComplete((same, failure) -> dialled(link, failure, alone));
            heard = true;
        } finally {
            if (!heard) {
                opening.remove(link);
                connector.discard(link);
            }
        }
    }

    private int missing(int many) {
        if (pipelines.isClosed()) {
            return 0;
        }
        int begun = dialling.get();
        int late = 0;
        if (begun > 0) {
            long now = System.nanoTime();
            long lateAfter = Math.max(LATE_NANOS, 2 * roundTrip.silenceNanos());
            for (long at : opening.values()) {
                late += now - at > lateAfter ? 1 : 0;
            }
        }
        int wanted = Math.min(size, many) - pipelines.all().length;
        return Math.min(wanted - begun + late, size + Math.max(size, LEAST_BESIDE) - begun);
    }

    /** How long the pause between attempts to connect still lasts, if there is one; 0 if there is none. */
    long pause() {
        // Callers that wait ask often, and mostly there is none.
        return backoff.failures() == 0
                ? 0
                : backoff.remaining(System.nanoTime()).toNanos();
    }

    /** To be told what came of an attempt: whatever is thrown meanwhile, it is under way no more. */
    void dialled(Link link, @Nullable Throwable thrown, boolean wasAlone) {
        CacheUnavailableException failure = null;
        boolean judged = false;
        try {
            failure = thrown == null ? null : errors.failureOf(thrown);
            judge(link, failure, wasAlone);
            judged = true;
        } finally {
            if (wasAlone && !judged) {
                backoff.abandoned();
            }
            try {
                end(link, judged && thrown == null);
            } finally {
                whenEnded.accept(failure != null && pipelines.isAwaited(link) ? failure : null);
            }
        }
    }

    /** What was opened is counted as kept before it is under way no more, so that nobody sees neither. */
    private void end(Link link, boolean good) {
        boolean kept = false;
        try {
            kept = good && pipelines.keep(link);
        } finally {
            opening.remove(link);
            dialling.decrementAndGet();
            if (!kept) {
                connector.discard(link);
            }
        }
    }

    private void judge(Link link, @Nullable CacheUnavailableException failure, boolean wasAlone) {
        if (failure != null && failure.reason().counts()) {
            failed(link, failure);
        } else if (wasAlone && failure == null) {
            backoff.unproven(System.nanoTime(), UNPROVEN_PAUSE);
        } else if (wasAlone) {
            backoff.abandoned();
        }
    }

    private void failed(Link link, CacheUnavailableException failure) {
        lock.lock();
        try {
            lastFailure = failure;
            // Several that fail together are one failure.
            if (backoff.failures() <= link.failuresBefore()) {
                backoff.failed(System.nanoTime());
            }
        } finally {
            lock.unlock();
        }
    }

    private void isUseful() {
        backoff.succeeded();
        lastFailure = null;
    }

    /** To be told of a connection that the other side closed under a call: if it had answered none, it was as good as none. */
    void closedUnderCall(Link link, Lost how) {
        if (link.takeUseless()) {
            connector.countFailedDial();
            failed(link, errors.useless(how.cause()));
        }
    }
}
