package dev.holdfast.cache.single;

import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Invalidations;
import dev.holdfast.cache.redis.TrackingDialogue;
import dev.holdfast.cache.redis.TrackingStatus;
import dev.holdfast.cache.redis.UntrackedException;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the server tell of changes, on a connection and a thread of its own that are there while somebody wants to know and has read something. A guard lasts as
 * long as that connection leads to the process that reads go to, and no question on it stays unanswered. Thread-safe.
 */
final class Tracker {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final long REFUSED_PAUSE_NANOS = TimeUnit.MINUTES.toNanos(1);
    private static final String RULE = "+hello +ping +info +client|tracking";

    private final SingleConfig config;
    private final Connector connector;
    private final Invalidations invalidations;
    private final List<Reads> all = new CopyOnWriteArrayList<>();
    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
    private final TrackingStatus status = new TrackingStatus(LOG, RULE);
    private final AtomicBoolean running = new AtomicBoolean();

    /** Held for moments, never across I/O. Guards what guards there are. */
    private final ReentrantLock lock = new ReentrantLock();

    /** Of the present connection; {@code null} while nothing is told. Guarded by the lock. */
    private @Nullable Guard guard;

    private volatile @Nullable TrackingDialogue dialogue;
    private volatile @Nullable Link presentLink;
    private volatile @Nullable Thread thread;
    private volatile boolean closed;

    Tracker(SingleConfig config, Connector connector) {
        this.config = config;
        this.connector = connector;
        this.invalidations = new Invalidations(config.keyPrefix());
        connector.whenAdvanced(() -> lost(FlushReason.CONNECTION));
    }

    /** Begins to track a prefix for reads of a store. */
    Tracking track(CacheStore store, String prefix, Stamps stamps) {
        Reads reads = new Reads(store, invalidations.add(prefix, stamps));
        all.add(reads);
        TrackingDialogue present = dialogue;
        if (present != null) {
            present.track(reads.tracked);
        }
        return reads;
    }

    /** Logs its connection in anew. */
    void authenticate(Authentication words) {
        TrackingDialogue present = dialogue;
        Link link = presentLink;
        if (present != null && link != null && !words.equals(link.words()) && present.authenticate(words)) {
            link.words(words);
        }
    }

    void close() {
        closed = true;
        lost(FlushReason.CONNECTION);
        LockSupport.unpark(thread);
    }

    private void start() {
        if (!running.get() && !closed && running.compareAndSet(false, true)) {
            boolean begun = false;
            try {
                connector.execute(this::run);
                begun = true;
            } catch (RejectedExecutionException | OutOfMemoryError e) {
                LOG.debug("no thread to track changes on; the next read tries again", e);
            } finally {
                if (!begun) {
                    running.set(false);
                }
            }
        }
    }

    private void run() {
        thread = Thread.currentThread();
        try {
            while (isWanted()) {
                attempt();
                rest();
            }
        } finally {
            thread = null;
            running.set(false);
        }
    }

    private boolean isWanted() {
        return !closed && !invalidations.isEmpty();
    }

    private void attempt() {
        FlushReason reason = FlushReason.CONNECTION;
        try {
            reason = session();
        } catch (UntrackedException e) {
            status.refused("Redis at " + config.address(), e);
        } catch (Throwable e) {
            // Whatever it was: nobody else tries again.
            backoff.failed(System.nanoTime());
            debug(e);
        } finally {
            lost(reason);
        }
    }

    private static void debug(Throwable e) {
        try {
            LOG.debug("changes are not told of at the moment", e);
        } catch (Throwable withoutWord) {
            // The next attempt matters more.
        }
    }

    private void rest() {
        long until = System.nanoTime() + (status.isRefused() ? REFUSED_PAUSE_NANOS : 0);
        while (isWanted()) {
            // Of a thread of a pool that is shut down.
            Thread.interrupted();
            long now = System.nanoTime();
            long left = Math.max(until - now, backoff.remaining(now).toNanos());
            if (left <= 0) {
                return;
            }
            LockSupport.parkNanos(this, left);
        }
    }

    /** Takes one connection through its life; returns what it ended for, or throws. */
    private FlushReason session() throws IOException {
        TrackingSession session =
                TrackingSession.open(connector, 2 * config.connectTimeout().toNanos());
        Link link = session.link();
        try {
            session.requireKnown();
            SessionListener listener = new SessionListener(link);
            TrackingDialogue made = new TrackingDialogue(invalidations, session, listener, "PING");
            presentLink = link;
            dialogue = made;
            session.run(made, listener::isWanted);
            return FlushReason.CONNECTION;
        } catch (IOException e) {
            backoff.failed(System.nanoTime());
            CloseReason closeReason = link.closeReason();
            if (closeReason != null && closeReason.overdue()) {
                debug(e);
                return FlushReason.SILENCE;
            }
            throw e;
        } finally {
            dialogue = null;
            presentLink = null;
            connector.discard(link);
        }
    }

    /** Ends the guard, if there is one, and all that was read under it. */
    private void lost(FlushReason reason) {
        lock.lock();
        try {
            if (guard != null) {
                all.forEach(reads -> reads.guard = null);
                guard.end();
                guard = null;
                status.interrupted();
                invalidations.flush(reason);
            }
        } finally {
            lock.unlock();
        }
    }

    /** What becomes of one connection. */
    private final class SessionListener implements TrackingDialogue.Listener {
        private final Link link;

        SessionListener(Link link) {
            this.link = link;
        }

        @Override
        public void covered(ByteBuffer serverPrefix) {
            lock.lock();
            try {
                if (!isOfUse()) {
                    return;
                }
                Guard present = guard;
                if (present == null) {
                    present = new Guard();
                    guard = present;
                    status.told();
                    backoff.succeeded();
                }
                for (Reads reads : all) {
                    if (serverPrefix.equals(ByteBuffer.wrap(reads.tracked.serverPrefix()))) {
                        reads.guard = present;
                    }
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void flushed() {
            lock.lock();
            try {
                Guard before = guard;
                if (before != null) {
                    Guard next = new Guard();
                    guard = next;
                    all.forEach(reads -> reads.guard = reads.guard == null ? null : next);
                    before.end();
                    invalidations.flush(FlushReason.SERVER_FLUSHED);
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void beaten(String answer) {
            // That there is one is all there is to know.
        }

        boolean isWanted() {
            return Tracker.this.isWanted() && isOfUse();
        }

        /** Whether reads go where this connection leads. After the look a new set of connections ends the guard itself. */
        private boolean isOfUse() {
            return !closed && link.generation() == connector.generation();
        }
    }

    /** The reads of one cache. */
    private final class Reads implements Tracking {
        private final CacheStore store;
        private final Invalidations.Tracked tracked;
        private volatile @Nullable Guard guard;
        private volatile boolean ended;

        Reads(CacheStore store, Invalidations.Tracked tracked) {
            this.store = store;
            this.tracked = tracked;
        }

        private @Nullable Guard guard() {
            start();
            return ended ? null : status.guard(guard);
        }

        @Override
        public Covered get(String key) {
            Guard before = guard();
            return new Covered(store.getShared(key), before);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> keys) {
            Guard before = guard();
            return Covered.all(before, store.getAll(keys));
        }

        @Override
        public boolean isPossible() {
            return true;
        }

        @Override
        public State state() {
            return status.state(guard != null, null);
        }

        @Override
        public void close() {
            ended = true;
            guard = null;
            all.remove(this);
            invalidations.remove(tracked);
        }
    }
}
