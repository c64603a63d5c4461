package dev.holdfast.streams;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** One call of a client, from its acceptance to its end, which is decided once. */
final class Call {
    private final String id;
    private final int size;
    private final Duration limit;
    private final long deadline;
    private final boolean direct;
    private final CompletableFuture<byte[]> future = new CompletableFuture<>();
    private final AtomicBoolean ended = new AtomicBoolean();
    private volatile byte @Nullable [] payload;
    private volatile @Nullable Future<?> alarm;

    /**
     * Begins a call.
     *
     * @param direct whether its future has no stranger's code behind it, so whoever ends the call may complete it
     */
    Call(String id, byte[] payload, Duration limit, boolean direct) {
        this.id = id;
        this.payload = payload;
        this.size = payload.length;
        this.limit = limit;
        this.deadline = System.nanoTime() + limit.toNanos();
        this.direct = direct;
    }

    String id() {
        return id;
    }

    Duration limit() {
        return limit;
    }

    boolean direct() {
        return direct;
    }

    CompletableFuture<byte[]> future() {
        return future;
    }

    long remainingMillis() {
        return (deadline - System.nanoTime()) / 1_000_000;
    }

    int size() {
        return size;
    }

    boolean ended() {
        return ended.get();
    }

    /** Says whether this is the one that ends the call. */
    boolean end() {
        if (!ended.compareAndSet(false, true)) {
            return false;
        }
        Future<?> set = alarm;
        if (set != null) {
            set.cancel(false);
        }
        return true;
    }

    void alarm(Future<?> set) {
        alarm = set;
        if (ended.get()) {
            set.cancel(false);
        }
    }

    /** Gives the payload away, once; {@code null} afterwards. */
    synchronized byte @Nullable [] takePayload() {
        byte[] taken = payload;
        payload = null;
        return taken;
    }
}
