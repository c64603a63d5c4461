package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The open connections, at most a fixed number: opened as they are wanted, forgotten when they break. */
final class Lanes {
    private static final long DISTRUST_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** Calls on one connection to a server that is far away. */
    private static final int MOST_IN_FLIGHT = 1_000;

    private static final Lane[] NONE = {};

    private final Dialer dialer;
    private final JedisErrors errors;
    private final int size;
    private final RoundTrip roundTrip;
    private final Consumer<@Nullable CacheUnavailableException> whenDialled;

    /** Guards changes of what follows; never held across I/O. */
    private final ReentrantLock lock = new ReentrantLock();

    private volatile Lane[] lanes = NONE;
    private final AtomicInteger dialling = new AtomicInteger();
    private int generation;
    private boolean closed;

    /**
     * Creates an empty set.
     *
     * @param whenDialled called when an attempt to connect has ended: with the failure, if callers have no other
     *     connection to wait for
     */
    Lanes(
            SingleConfig config,
            Dialer dialer,
            JedisErrors errors,
            RoundTrip roundTrip,
            Consumer<@Nullable CacheUnavailableException> whenDialled) {
        this.dialer = dialer;
        this.errors = errors;
        this.size = config.poolSize();
        this.roundTrip = roundTrip;
        this.whenDialled = whenDialled;
        this.generation = dialer.generation();
    }

    /** Those that are open; not to be changed. */
    Lane[] all() {
        return lanes;
    }

    /** Whether there is none, but soon may be. */
    boolean isConnecting() {
        return lanes.length == 0 && dialling.get() > 0;
    }

    int busy() {
        int busy = 0;
        for (Lane lane : lanes) {
            busy += lane.isBusy() ? 1 : 0;
        }
        return busy;
    }

    /**
     * Takes the right to write to one of the first connections that has nothing under way; to a server that is far away,
     * to the one that has the least.
     *
     * @param first how many of them are looked at
     * @param now the time
     * @return it, or null if none may take another batch now
     */
    @Nullable
    Lane acquire(int first, long now) {
        Lane[] all = lanes;
        if (!roundTrip.isShort()) {
            return acquireLeastBusy(all, now);
        }
        int count = Math.min(all.length, first);
        for (int i = 0; i < count; i++) {
            if (all[i].tryAcquire(true) && isTrusted(all[i], now)) {
                return all[i];
            }
        }
        return null;
    }

    private @Nullable Lane acquireLeastBusy(Lane[] all, long now) {
        Lane best = null;
        int fewest = MOST_IN_FLIGHT;
        for (Lane lane : all) {
            int inFlight = lane.inFlight();
            if (inFlight < fewest && !lane.isStalled(now)) {
                best = lane;
                fewest = inFlight;
            }
        }
        return best != null && best.tryAcquire(false) && isTrusted(best, now) ? best : null;
    }

    /** Finds out whether the server has closed it, or spoken, while nobody used it; then it is gone. */
    private boolean isTrusted(Lane lane, long now) {
        if (lane.inFlight() != 0
                || !(lane.link().hasMore()
                        || (now - lane.usedAt() >= DISTRUST_NANOS && lane.link().isStale()))) {
            return true;
        }
        lane.release();
        lane.fail(new IllegalStateException("the server closed the connection"));
        return false;
    }

    /** Opens connections, if so many callers could use more than there are. */
    void dialFor(int callers) {
        int wanted = Math.min(size, callers);
        if (lanes.length + dialling.get() >= wanted) {
            return;
        }
        int count;
        lock.lock();
        try {
            count = closed ? 0 : Math.max(0, wanted - lanes.length - dialling.get());
            dialling.addAndGet(count);
        } finally {
            lock.unlock();
        }
        for (int i = 0; i < count; i++) {
            Link link = dialer.dial();
            CompletableFuture<Link> unused = link.opened().whenComplete((same, failure) -> dialled(link, failure));
        }
    }

    private void dialled(Link link, @Nullable Throwable failure) {
        boolean kept = false;
        boolean alone;
        lock.lock();
        try {
            dialling.decrementAndGet();
            boolean wanted = link.generation() == generation && !closed;
            if (wanted && failure == null) {
                Lane[] more = Arrays.copyOf(lanes, lanes.length + 1);
                more[lanes.length] = new Lane(link, dialer, errors, roundTrip, this::broke);
                lanes = more;
                kept = true;
            }
            alone = wanted && lanes.length == 0;
        } finally {
            lock.unlock();
        }
        if (!kept) {
            dialer.discard(link);
        }
        whenDialled.accept(failure != null && alone ? errors.failureOf(failure) : null);
    }

    /** A server that closes one connection has closed the others too, more likely than not. */
    private void broke(Lane lane, boolean byServer) {
        lock.lock();
        try {
            lanes = Arrays.stream(lanes).filter(each -> each != lane).toArray(Lane[]::new);
        } finally {
            lock.unlock();
        }
        dialer.discard(lane.link());
        if (byServer) {
            for (Lane other : lanes) {
                discardIfUnused(other);
            }
        }
    }

    /** To be told of a connection whose replies have all been read: if it is of an earlier set, it goes. */
    void isDone(Lane lane) {
        if (lane.link().generation() != dialer.generation()) {
            discardIfUnused(lane);
        }
    }

    private void discardIfUnused(Lane lane) {
        if (lane.tryAcquire(true)) {
            lane.link().reset(Doom.DISCARDED);
            lane.release();
            lane.fail(new IllegalStateException("no longer wanted"));
        }
    }

    /** Begins with none again: closes what is unused now, and the rest once its replies have come. */
    void renew() {
        Lane[] old;
        lock.lock();
        try {
            old = lanes;
            advance();
        } finally {
            lock.unlock();
        }
        for (Lane lane : old) {
            discardIfUnused(lane);
        }
    }

    /** Begins with none again, and fails all that is under way. */
    void disconnect(Throwable cause, boolean forGood) {
        Lane[] old;
        int present;
        lock.lock();
        try {
            closed |= forGood;
            old = lanes;
            present = advance();
        } finally {
            lock.unlock();
        }
        dialer.resetBefore(present, Doom.disconnected(cause));
        for (Lane lane : old) {
            lane.fail(cause);
        }
    }

    private int advance() {
        lanes = NONE;
        generation = dialer.advance();
        return generation;
    }
}
