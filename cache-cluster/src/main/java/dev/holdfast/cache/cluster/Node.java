package dev.holdfast.cache.cluster;

import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One server of the cluster: its connections, what it serves, and whether it answers. Connections are opened as they are
 * needed; the last is the one that probes it and asks it for the topology. Thread-safe.
 */
final class Node {
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

    boolean isUp() {
        return outage == null;
    }

    void up() {
        outage = null;
    }

    /** Takes it out of service: what is under way fails now, and what comes fails at once. */
    void out(Throwable why) {
        outage = why;
        reset(new Doom(Doom.Kind.OUT, why));
    }

    /**
     * Returns the caller's connection, one that is being opened if there is none. Callers are spread by thread; while a
     * caller's own is being opened it uses another's.
     */
    Link link() {
        int own = (int) (((Thread.currentThread().getId() * 0x9E3779B1L) >>> 8) % controlIndex);
        Link link = links.get(own);
        if (link != null && link.isOpen()) {
            return link;
        }
        Link opening = linkAt(own);
        if (!opening.isOpen()) {
            for (int i = 0; i < controlIndex; i++) {
                Link other = links.get(i);
                if (other != null && other.isOpen()) {
                    return other;
                }
            }
        }
        return opening;
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
