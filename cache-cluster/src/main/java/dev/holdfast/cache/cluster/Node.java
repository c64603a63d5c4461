package dev.holdfast.cache.cluster;

import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One server of the cluster: its connections, what it serves, and whether it answers. Connections are opened as they are
 * needed; the last is the one that probes it and asks it for the topology. Thread-safe.
 */
final class Node {
    /** So many commands wait on a connection before another is used: answers that are read together cost less than apart. */
    private static final int ROOM = 16;

    /** A connection on which nothing came for so long carries something large, or hangs; far nodes are given two round trips. */
    private static final long STUCK_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final Address address;
    private final ClusterConfig config;
    private final Wiring wiring;
    private final InFlight inFlight = new InFlight();
    private final Prober prober;
    private final AtomicReferenceArray<@Nullable Link> links;
    private final int controlIndex;

    /** Guards the client and the making of links; nothing waits under it. */
    private final ReentrantLock lock = new ReentrantLock();

    private @Nullable NodeClient client;
    private boolean closed;

    private volatile @Nullable Throwable outage;
    private volatile long outSince;
    private volatile Role role = new Role(false, new BitSet());

    Node(Address address, ClusterConfig config, Wiring wiring, Canaries canaries) {
        this.address = address;
        this.config = config;
        this.wiring = wiring;
        this.links = new AtomicReferenceArray<>(config.poolSize() + 1);
        this.controlIndex = config.poolSize();
        this.prober = new Prober(this, canaries, config);
    }

    Address address() {
        return address;
    }

    InFlight inFlight() {
        return inFlight;
    }

    Prober prober() {
        return prober;
    }

    Role role() {
        return role;
    }

    void role(Role value) {
        role = value;
    }

    /** Why it gets no calls; {@code null} if it gets some. */
    @Nullable
    Throwable outage() {
        return outage;
    }

    /** When it was last taken out of service. */
    long outSince() {
        return outSince;
    }

    boolean isUp() {
        return outage == null;
    }

    void up() {
        outage = null;
    }

    /** Takes it out of service: what is under way fails now, and what comes fails at once. */
    void out(Throwable why) {
        outSince = System.nanoTime();
        outage = why;
        reset(new Doom(Doom.Kind.OUT, why));
    }

    /**
     * Returns a connection to call on, one that is being opened if there is none. The first that is not busy is taken: what goes out
     * together costs least, for the server too. Another is opened when all are busy.
     */
    Link link() {
        long stuck = Math.max(STUCK_NANOS, 2 * prober.medianNanos());
        Link best = null;
        for (int i = 0; i < controlIndex; i++) {
            Link link = links.get(i);
            if (link == null || !link.isAlive()) {
                Link dialled = linkAt(i);
                return best == null || dialled.isOpen() ? dialled : best;
            }
            if (link.isOpen()) {
                if (link.waiting() < ROOM && !link.isStuckFor(stuck)) {
                    return link;
                }
                best = best == null || link.waiting() < best.waiting() ? link : best;
            } else if (best == null) {
                best = link;
            } else {
                return best;
            }
        }
        return best == null ? linkAt(0) : best;
    }

    /** The connection that no caller uses. */
    Link control() {
        return linkAt(controlIndex);
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
            if (present != null) {
                present.release();
            }
            Link dialled = new Link(dial(), config.readFrom() != ReadFrom.MASTER && index != controlIndex);
            links.set(index, dialled);
            return dialled;
        } finally {
            lock.unlock();
        }
    }

    private CompletableFuture<NodeClient.Wire> dial() {
        if (closed) {
            return CompletableFuture.failedFuture(new IllegalStateException("the node is no longer used"));
        }
        if (client == null) {
            client = new NodeClient(address, config, wiring);
        }
        return client.connect();
    }

    /** Closes every connection by a TCP reset; what is under way on them fails, what comes opens others. */
    void reset(Doom why) {
        lock.lock();
        try {
            List<Link> doomed = new ArrayList<>();
            for (int i = 0; i <= controlIndex; i++) {
                Link link = links.getAndSet(i, null);
                if (link != null) {
                    link.doom(why);
                    doomed.add(link);
                }
            }
            if (client != null) {
                client.reset();
            }
            doomed.forEach(link -> link.discard(why));
        } finally {
            lock.unlock();
        }
    }

    /** Closes one connection by a TCP reset; what is under way on it fails. */
    void drop(Link link, Doom why) {
        for (int i = 0; i < controlIndex; i++) {
            if (links.compareAndSet(i, link, null)) {
                link.doom(why);
                link.reset();
                link.discard(why);
            }
        }
    }

    /** Closes it for good; done when that is done. */
    CompletableFuture<Void> close(Doom why) {
        reset(why);
        lock.lock();
        try {
            NodeClient present = client;
            client = null;
            closed = true;
            return present == null ? CompletableFuture.completedFuture(null) : present.close();
        } finally {
            lock.unlock();
        }
    }

    NodeHealth health() {
        return new NodeHealth(
                address.toString(),
                role.master() ? "master" : "replica",
                prober.failures() < config.maxFailures() && (isUp() || prober.failures() == 0),
                prober.failures(),
                prober.lastCheck(),
                pool(),
                role.slots().cardinality());
    }

    PoolHealth pool() {
        int open = 0;
        for (int i = 0; i < controlIndex; i++) {
            Link link = links.get(i);
            open += link != null && link.isOpen() ? 1 : 0;
        }
        return new PoolHealth(controlIndex, open, Math.min(open, inFlight.count()), 0, 0);
    }

    @Override
    public String toString() {
        return address.toString();
    }

    /**
     * What the cluster says it is.
     *
     * @param master whether it is a master, with or without slots
     * @param slots those it serves; not changed after it is given here
     */
    record Role(boolean master, BitSet slots) {}
}
