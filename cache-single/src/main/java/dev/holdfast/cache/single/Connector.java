package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.internal.DeadlineWatch;
import dev.holdfast.cache.internal.IsolatedThreads;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.Rotation;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Opens connections and knows all that there are. It connects on threads of its own, since resolving a name can neither be
 * bounded nor interrupted: callers wait for the result as long as they like. The threads end a second after their last work.
 */
final class Connector {
    private final SingleConfig config;
    private final JedisErrors errors;
    private final Set<Link> links = ConcurrentHashMap.newKeySet();
    private final ThreadPoolExecutor threads;
    private final DeadlineWatch<Link> watch;
    private final long connectNanos;
    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(5));
    private final LongAdder failedDials = new LongAdder();
    private final Restarts restarts;
    private final Login login;
    private final Route route;
    private final @Nullable Masters masters;
    private volatile int generation;
    private volatile @Nullable Rotation rotation;
    private volatile Runnable whenAdvanced = () -> {};

    Connector(SingleConfig config, JedisErrors errors) {
        this.config = config;
        this.errors = errors;
        this.restarts = new Restarts(errors, this::execute);
        this.login = new Login(config.access());
        this.masters = config.place() instanceof Place.Master place ? new Masters(config, place) : null;
        this.route = new Route(new Entry(config, login, restarts, masters != null), config.place(), masters);
        this.connectNanos = config.connectTimeout().toNanos();
        this.threads = new ThreadPoolExecutor(
                0,
                Integer.MAX_VALUE,
                1,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                IsolatedThreads.platform("holdfast-" + config.address()));
        this.watch = new DeadlineWatch<>(links, Link::deadline, this::overdue, threads);
    }

    /**
     * Where connections lead, and how they get in.
     *
     * @param entry what they begin with
     * @param place where the server is
     * @param masters who knows where the master is; {@code null} if the place says it
     */
    record Route(Entry entry, Place place, @Nullable Masters masters) {

        /** The port to connect to now; blocks until then at most. */
        Address address(long until) throws IOException {
            return masters == null ? ((Place.Port) place).address() : masters.find(until);
        }
    }

    /** What connections log in with. */
    Login login() {
        return login;
    }

    /** Sets who logs connections in anew; started with the first that is opened. */
    void rotateBy(Rotation value) {
        rotation = value;
    }

    /** Sets what is run when the sentinels name another master. */
    void whenSwitched(Runnable listener) {
        if (masters != null) {
            masters.whenSwitched(listener);
        }
    }

    /** How often the sentinels have named another master. */
    long switches() {
        return masters == null ? 0 : masters.switches();
    }

    /** Notes that the server may not be the master any more. */
    void doubtPlace() {
        if (masters != null) {
            masters.doubt();
        }
    }

    /** What is known of the processes that connections led to. */
    Restarts restarts() {
        return restarts;
    }

    /** What resets connections whose use is overdue. */
    DeadlineWatch<Link> watch() {
        return watch;
    }

    /** How long a command may take. */
    long commandNanos() {
        return config.commandTimeout().toNanos();
    }

    /**
     * The pause that callers' attempts keep while they fail, or while what they open breaks under the first call. An answer to
     * a probe cuts it short, the first answer to a caller ends it.
     */
    Backoff backoff() {
        return backoff;
    }

    /** How many attempts have failed, but for those that were disconnected. */
    long failedDials() {
        return failedDials.sum();
    }

    /** Counts an attempt whose connection was of no use. */
    void countFailedDial() {
        failedDials.increment();
    }

    /** The present set of connections. */
    int generation() {
        return generation;
    }

    /**
     * Begins to open a connection.
     *
     * @return the connection, whose {@link Link#opened()} is completed, at the latest when the connect timeout is over; if
     *     exceptionally, with a {@link CacheUnavailableException}
     */
    Link dial() {
        Link link = new Link(config, route, generation, backoff.failures(), restarts.seen());
        links.add(link);
        try {
            threads.execute(() -> open(link));
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            fail(link, e);
        }
        return link;
    }

    private void open(Link link) {
        try {
            long until = System.nanoTime() + connectNanos;
            link.reading().begin(until);
            watch.expect(until);
            link.open();
            if (!link.reading().end()) {
                throw new IllegalStateException("reset while it was being opened");
            }
            Rotation present = rotation;
            if (present != null) {
                present.start();
            }
            if (!link.opened().complete(link)) {
                discard(link);
            }
        } catch (IOException | RuntimeException | Error e) {
            fail(link, e);
        }
    }

    private void fail(Link link, Throwable why) {
        CacheUnavailableException failure = errors.notOpened(why, link);
        CloseReason closeReason = link.closeReason();
        if (closeReason == null || closeReason.overdue()) {
            doubtPlace();
        }
        discard(link);
        // Whoever is told of the failure finds it counted.
        if (failure.reason().counts() && !link.opened().isDone()) {
            failedDials.increment();
        }
        link.opened().completeExceptionally(failure);
    }

    private void overdue(Link link, long until) {
        link.resetIfOverdue(until);
        // While a name is being resolved there is no socket whose reset would end the attempt.
        if (link.closeReason() != null && !link.opened().isDone()) {
            fail(link, new IllegalStateException("no time left"));
        }
    }

    /** Runs work on a thread of its own; not once it is closed. */
    void execute(Runnable work) {
        threads.execute(work);
    }

    /** Closes a connection that is not wanted any more. */
    void discard(Link link) {
        links.remove(link);
        link.reset(CloseReason.DISCARDED);
    }

    /** Begins a new set of connections and returns its number. */
    int advance() {
        int next = next();
        whenAdvanced.run();
        return next;
    }

    private synchronized int next() {
        return ++generation;
    }

    /** Sets what is run when a new set of connections begins, before any of it is opened; must not block. */
    void whenAdvanced(Runnable listener) {
        whenAdvanced = listener;
    }

    /** Resets every connection of sets before this one. */
    void resetBefore(int generation, CloseReason why) {
        for (Link link : links) {
            if (link.generation() - generation < 0) {
                link.reset(why);
                if (!link.opened().isDone()) {
                    fail(link, new IllegalStateException("disconnected"));
                }
            }
        }
    }

    /** Lets the threads end; nothing is dialled afterwards. */
    void close() {
        Rotation present = rotation;
        if (present != null) {
            present.close();
        }
        if (masters != null) {
            masters.close();
        }
        watch.stop();
        threads.shutdownNow();
        // What was begun meanwhile has nobody to keep its time.
        resetBefore(next(), CloseReason.disconnected(errors.closed()));
    }
}
