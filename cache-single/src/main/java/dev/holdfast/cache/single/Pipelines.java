package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.Backoff;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The open connections, at most a fixed number: opened as they are wanted, forgotten when they break. */
final class Pipelines {
    private static final long DISTRUST_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How long a connection may take at least to prove itself. */
    private static final long PROOF_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** One that takes longer to open, or twice the usual silence, may hang: another is opened beside it. */
    private static final long LATE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private static final int LEAST_BESIDE = 3;

    /** After failures so long passes between one that was opened and the next, while none of them has answered a call. */
    private static final Duration UNPROVEN_PAUSE = Duration.ofMillis(100);

    /** Calls on one connection to a server that is far away. */
    private static final int MOST_IN_FLIGHT = 1_000;

    private static final Pipeline[] NONE = {};

    private final Connector connector;
    private final JedisErrors errors;
    private final int size;
    private final RoundTrip roundTrip;
    private final Consumer<@Nullable CacheUnavailableException> whenDialled;
    private final Silence silence;
    private final Backoff backoff;

    /** Guards changes of what follows; never held across I/O. */
    private final ReentrantLock lock = new ReentrantLock();

    private final AtomicLong lost = new AtomicLong();
    private volatile Pipeline[] pipelines = NONE;
    private volatile long openedAt;
    private final AtomicInteger dialling = new AtomicInteger();

    /** When each of those that are being opened was begun. */
    private final Map<Link, Long> opening = new ConcurrentHashMap<>();

    private final AtomicInteger proving = new AtomicInteger();
    private volatile @Nullable CacheUnavailableException lastFailure;
    private int generation;
    private boolean closed;

    /**
     * Creates an empty set.
     *
     * @param whenDialled called when an attempt to connect has ended: with the failure, if callers have no other
     *     connection to wait for
     */
    Pipelines(
            SingleConfig config,
            Connector connector,
            JedisErrors errors,
            RoundTrip roundTrip,
            Silence silence,
            Consumer<@Nullable CacheUnavailableException> whenDialled) {
        this.connector = connector;
        this.errors = errors;
        this.size = config.poolSize();
        this.roundTrip = roundTrip;
        this.whenDialled = whenDialled;
        this.silence = silence;
        this.backoff = connector.backoff();
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

    /** Whether there is none, but soon may be. */
    boolean isConnecting() {
        return pipelines.length == 0 && dialling.get() > 0;
    }

    int busy() {
        int busy = 0;
        for (Pipeline pipeline : pipelines) {
            busy += pipeline.isBusy() ? 1 : 0;
        }
        return busy;
    }

    /** Why the last attempt to connect failed; {@code null} if a call was answered since. */
    @Nullable
    CacheUnavailableException lastFailure() {
        return lastFailure;
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
            if (all[i].tryAcquire(true) && isTrusted(all[i], now, callers)) {
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
                    proveUnused(pipeline, callers);
                    continue;
                }
                best = pipeline;
                fewest = inFlight;
            }
        }
        return best != null && best.tryAcquire(false) && isTrusted(best, now, callers) ? best : null;
    }

    /**
     * Takes the right to write to one that has nothing under way, however far away the server is.
     *
     * @return it, or null if there is none
     */
    @Nullable
    Pipeline acquireUnused(long now, int callers) {
        for (Pipeline pipeline : pipelines) {
            if (pipeline.tryAcquire(true) && isTrusted(pipeline, now, callers)) {
                return pipeline;
            }
        }
        return null;
    }

    /** Finds out whether the server has closed it, or spoken, while nobody used it, or may have forgotten it. */
    private boolean isTrusted(Pipeline pipeline, long now, int callers) {
        if (pipeline.inFlight() != 0) {
            return true;
        }
        boolean closed = pipeline.link().hasMore();
        if (!closed && pipeline.needsProof(now)) {
            prove(pipeline, callers);
            return false;
        }
        if (!closed
                && (now - pipeline.usedAt() < DISTRUST_NANOS || !pipeline.link().isStale())) {
            return true;
        }
        pipeline.release();
        pipeline.fail(new IOException("the server closed the connection"));
        return false;
    }

    private void proveUnused(Pipeline pipeline, int callers) {
        if (pipeline.tryAcquire(true)) {
            prove(pipeline, callers);
        }
    }

    /** Has it prove itself on a thread of ours, with the right to write, unless as many do so as there are callers. */
    private void prove(Pipeline pipeline, int callers) {
        if (proving.get() >= callers) {
            pipeline.release();
            return;
        }
        proving.incrementAndGet();
        boolean begun = false;
        try {
            connector.execute(() -> proveNow(pipeline));
            begun = true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // It is given up unproven.
        } finally {
            if (!begun) {
                isProven(pipeline, false);
            }
        }
    }

    private void proveNow(Pipeline pipeline) {
        boolean answers = false;
        try {
            answers = pipeline.prove(System.nanoTime() + Math.max(PROOF_NANOS, roundTrip.silenceNanos()));
        } finally {
            isProven(pipeline, answers);
        }
    }

    private void isProven(Pipeline pipeline, boolean answers) {
        proving.decrementAndGet();
        try {
            if (!answers) {
                // Before anybody may write to it.
                pipeline.link().reset(CloseReason.SILENT);
                pipeline.fail(new IOException("no answer on a connection that had been idle"));
            }
        } finally {
            pipeline.release();
        }
        if (answers) {
            isDone(pipeline);
        }
        whenDialled.accept(null);
    }

    /**
     * Opens connections, if so many callers could use more than there are. Those that take long count no more, since what hangs is that attempt and not the
     * server, as far as anybody knows; but there are never more than as many again as may be kept, or {@value #LEAST_BESIDE}.
     */
    void dialFor(int callers) {
        int wanted = Math.min(size, callers);
        if (missing(wanted) <= 0) {
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
            count = closed ? 0 : Math.max(0, missing(wanted));
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

    private int missing(int wanted) {
        int begun = dialling.get();
        int late = 0;
        if (begun > 0) {
            long now = System.nanoTime();
            long lateAfter = Math.max(LATE_NANOS, 2 * roundTrip.silenceNanos());
            for (long at : opening.values()) {
                late += now - at > lateAfter ? 1 : 0;
            }
        }
        return Math.min(wanted - pipelines.length - begun + late, size + Math.max(size, LEAST_BESIDE) - begun);
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
                whenDialled.accept(isNobodyElse(link) ? failure : null);
            }
        }
    }

    private void end(Link link, boolean good) {
        boolean kept = false;
        lock.lock();
        try {
            opening.remove(link);
            dialling.decrementAndGet();
            kept = good && keep(link);
        } finally {
            lock.unlock();
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

    /** Under the lock. */
    private boolean keep(Link link) {
        if (link.generation() != generation || closed || pipelines.length >= size) {
            return false;
        }
        Pipeline[] more = Arrays.copyOf(pipelines, pipelines.length + 1);
        link.whenUseful(this::isUseful);
        Pipeline pipeline = new Pipeline(link, connector, errors, roundTrip, this::broke);
        more[pipelines.length] = pipeline;
        silence.add(pipeline);
        pipelines = more;
        openedAt = System.nanoTime();
        return true;
    }

    /** Whether callers have no other connection to wait for than this one, if they wait for this one. */
    private boolean isNobodyElse(Link link) {
        lock.lock();
        try {
            return link.generation() == generation && !closed && pipelines.length == 0;
        } finally {
            lock.unlock();
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
                    discardIfUnused(other);
                }
            }
        }
    }

    /** To be told of a connection whose replies have all been read: if it is of an earlier set, it goes. */
    void isDone(Pipeline pipeline) {
        if (pipeline.link().generation() != connector.generation()) {
            discardIfUnused(pipeline);
        }
    }

    private void discardIfUnused(Pipeline pipeline) {
        if (pipeline.tryAcquire(true)) {
            pipeline.link().reset(CloseReason.DISCARDED);
            pipeline.release();
            pipeline.fail(new IOException("no longer wanted"));
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
            discardIfUnused(pipeline);
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
