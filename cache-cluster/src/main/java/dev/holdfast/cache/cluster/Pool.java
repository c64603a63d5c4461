package dev.holdfast.cache.cluster;

import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.redis.Authentication;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The connections to one node. They are opened as they are needed; the last is the one that probes it and asks it for the topology.
 * Thread-safe.
 */
final class Pool {
    /** So many commands wait on a connection before another is used: answers that are read together cost less than apart. */
    private static final int ROOM = 16;

    /** A connection on which nothing came for so long carries something large, or hangs; far nodes are given two round trips. */
    private static final long STUCK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /** So long an idle connection may take to prove itself. */
    private static final long PROOF_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** So much longer a connection may take that said nothing while the node answered elsewhere. */
    private static final long HUNG_GRACE_MILLIS = 50;

    private final Dials dials;
    private final LongSupplier medianNanos;
    private final long idleNanos;
    private final AtomicReferenceArray<@Nullable Link> links;
    private final int controlIndex;

    /** Those that belong to one probe or one call. */
    private final Set<Link> alone = ConcurrentHashMap.newKeySet();

    private final AtomicLong closedByPeer = new AtomicLong();

    /** Whether the node closed the last connection that was open, since that was last asked. */
    private volatile boolean left;

    private volatile boolean reached;
    private volatile @Nullable String zone;

    /** Guards the making of links; nothing waits under it. */
    private final ReentrantLock lock = new ReentrantLock();

    /**
     * Creates one that is empty.
     *
     * @param medianNanos how long the node takes to answer, as a rule
     */
    Pool(ClusterConfig config, Dials dials, LongSupplier medianNanos) {
        this.dials = dials;
        this.medianNanos = medianNanos;
        this.idleNanos = config.idleProof().toNanos();
        this.links = new AtomicReferenceArray<>(config.poolSize() + 1);
        this.controlIndex = config.poolSize();
    }

    /** Notes that a connection was opened. */
    void opened(Wire wire) {
        reached = true;
        String known = wire.zone();
        zone = known == null ? zone : known;
    }

    /** Whether a connection was ever opened. */
    boolean wasReached() {
        return reached;
    }

    /** The zone that the node is in; {@code null} if it is not known. */
    @Nullable
    String zone() {
        return zone;
    }

    /** Logs all that are open in anew; adds what is completed when that is done. */
    void authenticate(Authentication words, List<CompletableFuture<?>> pending) {
        all().forEach(link -> pending.add(link.authenticate(words)));
    }

    private Stream<Link> all() {
        return Stream.concat(first(controlIndex + 1), alone.stream());
    }

    /** Those that callers share, and behind them that which probes. */
    private Stream<Link> first(int count) {
        return IntStream.range(0, count).boxed().flatMap(i -> Stream.ofNullable(links.get(i)));
    }

    /** Whether this client has a connection to it. */
    boolean isUsed() {
        return first(controlIndex + 1).anyMatch(Link::isOpen);
    }

    /** Whether anything came from it since a moment. */
    boolean spokeSince(long moment) {
        return all().anyMatch(link -> link.isOpen() && link.readAt() - moment > 0);
    }

    /**
     * Whether its other connections get on since a moment, however slowly: something came in, or it took more of something large.
     */
    boolean isMovingSince(long moment) {
        return first(controlIndex).anyMatch(link -> link.waiting() > 0 && link.movedSince(moment));
    }

    /** How many bytes of large commands it has been sent and has not answered. */
    long largeBytes() {
        return Stream.concat(first(controlIndex), alone.stream())
                .mapToLong(Link::largeBytes)
                .sum();
    }

    long idleNanos() {
        return idleNanos;
    }

    long proofNanos() {
        return Math.max(PROOF_NANOS, 4 * medianNanos.getAsLong());
    }

    /**
     * Returns a connection to call on, one that is being opened if there is none. The first that is not busy is taken: what goes out
     * together costs least, for the server too. Another is opened when all are busy. Something large gets one to itself, if there is one.
     */
    Link link(boolean isLarge) {
        long stuck = Math.max(STUCK_NANOS, 2 * medianNanos.getAsLong());
        Link best = null;
        for (int i = 0; i < controlIndex; i++) {
            Link link = links.get(isLarge ? controlIndex - 1 - i : i);
            if (link == null || !link.isAlive()) {
                return other(best, isLarge ? controlIndex - 1 - i : i);
            }
            if (link.isOpen()) {
                if (isLarge ? link.waiting() == 0 : hasRoom(link, stuck)) {
                    return link;
                }
                best = best == null || load(link) < load(best) ? link : best;
            } else if (best == null) {
                best = link;
            } else {
                return best;
            }
        }
        return best == null ? linkAt(0) : best;
    }

    /** The connection to call on that is taken last. */
    Link last() {
        return linkAt(controlIndex - 1);
    }

    private static boolean hasRoom(Link link, long stuck) {
        return link.waiting() < ROOM && !link.isLaden() && !link.isStuckFor(stuck);
    }

    private static int load(Link link) {
        return link.isOpen() ? link.waiting() + (link.isLaden() ? 1_000 : 0) : Integer.MAX_VALUE;
    }

    /** Opens another connection where that may be tried now; else the best there is must do, for want of one that which probes. */
    private Link other(@Nullable Link best, int index) {
        if (dials.isResting()) {
            Link control = links.get(controlIndex);
            if (best != null && best.isAlive()) {
                return best;
            }
            for (int i = 0; i < controlIndex; i++) {
                Link open = links.get(i);
                if (open != null && open.isOpen()) {
                    return open;
                }
            }
            if (control != null && control.isOpen() && !dials.breakUnderCalls()) {
                return control;
            }
        }
        Link dialled = linkAt(index);
        return best == null || dialled.isOpen() ? dialled : best;
    }

    /** The connection that no caller uses while there is another. */
    Link control() {
        return linkAt(controlIndex);
    }

    /** A connection for one call; whoever wants it drops it. */
    Link alone() {
        return alone(dials.dial());
    }

    /** Whether fewer connections of one call or probe are open than callers share, about: however many wish for one, they are no storm. */
    boolean mayHaveAnotherAlone() {
        return alone.size() < controlIndex;
    }

    /** A connection for one probe; whoever wants it drops it, or has it replace the one that probes. */
    Link fresh() {
        return alone(dials.dialAtOnce());
    }

    private Link alone(CompletableFuture<Wire> dialled) {
        Link link = new Link(dialled, this);
        alone.add(link);
        return link;
    }

    /** Puts a connection in the place of the one that probes. */
    void replaceControl(Link by, CloseReason why) {
        Link before = links.getAndSet(controlIndex, by);
        alone.remove(by);
        if (before != null && before != by) {
            before.discard(why);
        }
        if (dials.isClosed()) {
            by.discard(why);
        }
    }

    private Link linkAt(int index) {
        Link link = links.get(index);
        if (link != null && link.isAlive()) {
            return link;
        }
        lock.lock();
        try {
            Link present = links.get(index);
            if (present != null && present.isAlive()) {
                return present;
            }
            Link dialled = new Link(index == controlIndex ? dials.dialAtOnce() : dials.dial(), this);
            links.set(index, dialled);
            return dialled;
        } finally {
            lock.unlock();
        }
    }

    /** Closes every connection by a TCP reset; what is under way on them fails, what comes opens others. */
    void reset(CloseReason why) {
        lock.lock();
        try {
            for (int i = 0; i <= controlIndex; i++) {
                Link link = links.getAndSet(i, null);
                if (link != null) {
                    link.discard(why);
                }
            }
            alone.forEach(link -> link.discard(why));
        } finally {
            lock.unlock();
        }
    }

    /** Closes one connection by a TCP reset; what is under way on it fails. */
    void drop(Link link, CloseReason why) {
        for (int i = 0; i <= controlIndex; i++) {
            links.compareAndSet(i, link, null);
        }
        alone.remove(link);
        link.discard(why);
    }

    /** A connection turned out to be dropped by something between: it is closed, and so are others that idled for as long. */
    void hung(Link link, String why) {
        CloseReason closeReason = CloseReason.hung(why);
        drop(link, closeReason);
        long now = System.nanoTime();
        first(controlIndex)
                .filter(other -> other.isOpen() && other.waiting() == 0 && now - other.readAt() > idleNanos())
                .forEach(other -> drop(other, closeReason));
    }

    /**
     * The node has answered what was asked at a moment: connections on which earlier calls still wait for a byte are broken, and so
     * are attempts to connect for which they wait.
     */
    void dropSilent(long moment) {
        first(controlIndex).forEach(link -> {
            if (link.isOpeningSince(moment)) {
                drop(link, CloseReason.hung("it was not opened while the node answered on another connection"));
            } else if (link.isSilentSince(moment)) {
                Wire wire = link.opened().getNow(null);
                Runnable verdict = () -> {
                    if (link.isSilentSince(moment)) {
                        hung(link, "nothing came on this connection while the node answered on another");
                    }
                };
                wire.later(verdict, HUNG_GRACE_MILLIS);
            }
        });
    }

    /** How many attempts to connect in a row were of no use. */
    int dialFailures() {
        return dials.failures();
    }

    /** The node has answered a probe. */
    void answersProbes() {
        dials.answersProbes();
    }

    /** Notes that a connection has answered a call. */
    void answered(Link link) {
        if (link.noticeUseful()) {
            dials.useful();
        }
    }

    /** Notes that a connection broke under a call: if it had answered none, it was as good as none. */
    void broke(Link link, Throwable why) {
        if (link.takeUseless()) {
            dials.useless(link.failuresBefore(), why);
        }
    }

    /** Notes that the node closed a connection under a call; returns how many it has closed so by now. */
    long closedByPeer(Link link) {
        return link.noticeClosed() ? closedByPeer.incrementAndGet() : closedByPeer.get();
    }

    /** Notes that the node closed a connection, whether there was a call on it or not. */
    void noticeClosing() {
        if (!isUsed()) {
            left = true;
        }
    }

    /** Whether the node has left us without any connection since this was last asked: it may have died, though nobody called it. */
    boolean takeLeft() {
        boolean was = left;
        left = false;
        return was;
    }

    /** How many connections the node has closed under calls. */
    long closedByPeer() {
        return closedByPeer.get();
    }

    /** Closes it for good; done when that is done. */
    CompletableFuture<Void> close(CloseReason why) {
        CompletableFuture<Void> closing = dials.close(why);
        reset(why);
        return closing;
    }

    PoolHealth health(int calls) {
        int open = (int) first(controlIndex).filter(Link::isOpen).count();
        return new PoolHealth(controlIndex, open, Math.min(open, calls), 0, 0, dials.failed());
    }
}
