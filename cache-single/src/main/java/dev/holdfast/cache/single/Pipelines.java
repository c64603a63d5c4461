package dev.holdfast.cache.single;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The open connections, at most a fixed number: which of them takes a call, and which are given up with another. Thread-safe; nothing waits under its
 * lock.
 */
final class Pipelines {
    /** Calls on one connection to a server that is far away. */
    private static final int MOST_IN_FLIGHT = 1_000;

    private static final Pipeline[] NONE = {};

    private final Connector connector;
    private final JedisErrors errors;
    private final int size;
    private final RoundTrip roundTrip;
    private final Silence silence;
    private final Proofs proofs;

    /** Guards changes of what follows; never held across I/O. */
    private final ReentrantLock lock = new ReentrantLock();

    private final AtomicLong lost = new AtomicLong();
    private volatile Pipeline[] pipelines = NONE;
    private volatile long openedAt;
    private int generation;
    private volatile boolean closed;

    Pipelines(
            SingleConfig config,
            Connector connector,
            JedisErrors errors,
            RoundTrip roundTrip,
            Silence silence,
            Proofs proofs) {
        this.connector = connector;
        this.errors = errors;
        this.size = config.poolSize();
        this.roundTrip = roundTrip;
        this.silence = silence;
        this.proofs = proofs;
        this.generation = connector.generation();
    }

    /** Those that are open; not to be changed. */
    Pipeline[] all() {
        return pipelines;
    }

    /** When the last one was opened; 0 if none was. */
    long openedAt() {
        return openedAt;
    }

    /** Whether there will never be one again. */
    boolean isClosed() {
        return closed;
    }

    int busy() {
        int busy = 0;
        for (Pipeline pipeline : pipelines) {
            busy += pipeline.isBusy() ? 1 : 0;
        }
        return busy;
    }

    /** Whether one has nothing under way, and nobody writes to it or proves it: whoever does wakes those who wait. */
    boolean isAnyFree() {
        for (Pipeline pipeline : pipelines) {
            if (pipeline.isFree()) {
                return true;
            }
        }
        return false;
    }

    /**
     * Takes the right to write to one of the first connections that has nothing under way; to a server that is far away,
     * to the one that has the least.
     *
     * @param first how many of them are looked at
     * @param now the time
     * @param callers how many callers there are, which is how many connections it is worth while to look at
     * @return it, or null if none may take another batch now
     */
    @Nullable
    Pipeline acquire(int first, long now, int callers) {
        Pipeline[] all = pipelines;
        if (!roundTrip.isShort()) {
            return acquireLeastBusy(all, now, callers);
        }
        int count = Math.min(all.length, first);
        for (int i = 0; i < count; i++) {
            if (all[i].tryAcquire(true) && proofs.isTrusted(all[i], now, callers)) {
                return all[i];
            }
        }
        return null;
    }

    private @Nullable Pipeline acquireLeastBusy(Pipeline[] all, long now, int callers) {
        Pipeline best = null;
        int fewest = MOST_IN_FLIGHT;
        for (Pipeline pipeline : all) {
            int inFlight = pipeline.inFlight();
            if (inFlight < fewest && !pipeline.isStalled(now)) {
                if (inFlight == 0 && pipeline.needsProof(now)) {
                    proofs.proveUnused(pipeline, callers);
                    continue;
                }
                best = pipeline;
                fewest = inFlight;
            }
        }
        return best != null && best.tryAcquire(false) && proofs.isTrusted(best, now, callers) ? best : null;
    }

    /**
     * Takes the right to write to one that has nothing under way, however far away the server is.
     *
     * @return it, or null if there is none
     */
    @Nullable
    Pipeline acquireUnused(long now, int callers) {
        for (Pipeline pipeline : pipelines) {
            if (pipeline.tryAcquire(true) && proofs.isTrusted(pipeline, now, callers)) {
                return pipeline;
            }
        }
        return null;
    }

    /**
     * Takes a connection that was opened.
     *
     * @return false if it is of an earlier set, or there are enough
     */
    boolean keep(Link link) {
        lock.lock();
        try {
            if (link.generation() != generation || closed || pipelines.length >= size) {
                return false;
            }
            Pipeline[] more = Arrays.copyOf(pipelines, pipelines.length + 1);
            Pipeline pipeline = new Pipeline(link, connector, errors, roundTrip, this::broke);
            more[pipelines.length] = pipeline;
            silence.add(pipeline);
            pipelines = more;
            openedAt = System.nanoTime();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Whether callers have no other connection to wait for than this one, if they wait for this one. */
    boolean isAwaited(Link link) {
        lock.lock();
        try {
            return link.generation() == generation && !closed && pipelines.length == 0;
        } finally {
            lock.unlock();
        }
    }

    /** How many connections were lost, and not by our wish, since this was made. */
    long lost() {
        return lost.get();
    }

    /**
     * What happened to one connection may have happened to the others. Whoever forgot one that was silent has forgotten those that
     * were silent for longer, so they go: to have each prove itself would cost a caller as many pauses as there are. The others prove
     * themselves before they are used.
     */
    private void broke(Pipeline pipeline, boolean byOthers) {
        lock.lock();
        try {
            Pipeline[] left =
                    Arrays.stream(pipelines).filter(each -> each != pipeline).toArray(Pipeline[]::new);
            if (byOthers && left.length < pipelines.length) {
                lost.incrementAndGet();
            }
            pipelines = left;
        } finally {
            lock.unlock();
        }
        silence.remove(pipeline);
        connector.discard(pipeline.link());
        if (byOthers) {
            CloseReason closeReason = pipeline.link().closeReason();
            boolean forgotten = closeReason != null && closeReason.silent();
            for (Pipeline other : pipelines) {
                other.suspect();
                if (forgotten && other.link().heardAt() - pipeline.link().heardAt() <= 0) {
                    other.discardIfUnused();
                }
            }
        }
    }

    /** Begins with none again: closes what is unused now, and the rest once its replies have come. */
    void renew() {
        Pipeline[] old;
        lock.lock();
        try {
            old = pipelines;
            advance();
        } finally {
            lock.unlock();
        }
        for (Pipeline pipeline : old) {
            pipeline.discardIfUnused();
        }
    }

    /** Begins with none again, and fails all that is under way. */
    void disconnect(Throwable cause, boolean forGood) {
        leave(CloseReason.disconnected(cause), cause, forGood);
    }

    /** Begins with none again, since another server is the right one: what is under way fails, and may be repeated there. */
    void switchOver(Throwable cause) {
        leave(CloseReason.DISCARDED, cause, false);
    }

    private void leave(CloseReason why, Throwable cause, boolean forGood) {
        Pipeline[] old;
        int present;
        lock.lock();
        try {
            closed |= forGood;
            old = pipelines;
            present = advance();
        } finally {
            lock.unlock();
        }
        connector.resetBefore(present, why);
        for (Pipeline pipeline : old) {
            pipeline.fail(cause);
            silence.remove(pipeline);
        }
    }

    private int advance() {
        pipelines = NONE;
        generation = connector.advance();
        return generation;
    }
}
