package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.redis.Address;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the cluster: its nodes, and who serves which slot. {@link TopologyRefresh} asks for it, soon after anything that
 * hints at a change; what a survey or a redirection finds is made known here too. Callers wait for the first answer. Thread-safe.
 */
final class Topology {
    private final ClusterConfig config;
    private final LettuceErrors errors;
    private final Nodes nodes;
    private final RefreshSchedule schedule;
    private final Rounds rounds;

    /** Guards what writes the map, and what is told of it; nothing waits under it. */
    private final ReentrantLock lock = new ReentrantLock();

    private volatile SlotMap map = SlotMap.UNKNOWN;
    private volatile @Nullable ClusterTracker tracker;
    private volatile Cut cut = new Cut(null);

    Topology(ClusterConfig config, LettuceErrors errors, Nodes nodes) {
        this.config = config;
        this.errors = errors;
        this.nodes = nodes;
        this.schedule = new RefreshSchedule(config.topologyRefresh());
        this.rounds = new Rounds(errors, schedule);
    }

    /** What asks for it, to be run by a thread of its own until this is closed. */
    Runnable refresh() {
        return new TopologyRefresh(config, errors, this, nodes, schedule, rounds);
    }

    SlotMap map() {
        return map;
    }

    /** Sets who is told of another topology. */
    void tracker(ClusterTracker value) {
        tracker = value;
    }

    /** All nodes that are in use: those of the cluster, and the configured ones while they are needed. */
    Collection<Node> nodes() {
        return nodes.all();
    }

    /** The node that announces itself like this; {@code null} if it is one of too many that nobody else knows. */
    @Nullable
    Node named(Address announced) {
        return nodes.named(announced, map.nodes().size());
    }

    /** Whether a node belongs to the cluster, by what was last heard. */
    boolean isMember(Node node) {
        return map.nodes().contains(node);
    }

    Outages outages() {
        return nodes.outages();
    }

    /** Has nodes asked for the topology soon; cheap, and for any thread. */
    void refreshSoon() {
        schedule.want();
    }

    /** Makes known what nodes said. */
    SlotMap publish(List<View> views) {
        SlotMap merged = SlotMap.merge(views, nodes::node);
        lock.lock();
        try {
            become(merged);
        } finally {
            lock.unlock();
        }
        return merged;
    }

    /** Notes that a node said where a slot is. */
    void moved(int slot, Node master) {
        lock.lock();
        try {
            SlotMap.Shard before = map.shard(slot);
            if (before != null && !master.role().master()) {
                BitSet slots = before.master().role().slots();
                if (before.replicas().contains(master)) {
                    // A replica has all of its master's slots or none.
                    master.role(new Node.Role(true, slots));
                } else {
                    master.promoted(slots);
                }
            }
            become(map.withMoved(slot, master));
        } finally {
            lock.unlock();
        }
        refreshSoon();
    }

    /** Makes it known; under the lock. */
    private void become(SlotMap next) {
        boolean other = !next.signature().equals(map.signature());
        map = next;
        ClusterTracker told = tracker;
        if (other && told != null) {
            told.mapChanged();
        }
    }

    /**
     * Returns what is known, waiting for the first answer.
     *
     * @param until when to give up
     */
    SlotMap known(long until) {
        if (map == SlotMap.UNKNOWN) {
            rounds.awaitFirst(until);
        }
        return map;
    }

    /**
     * As {@link #known}, for a probe. That nobody has answered yet is no evidence while nobody has failed and the first connections may
     * still be under way: that takes several round trips, or longer where this process has little time to run.
     */
    SlotMap knownToProbe(long until) {
        try {
            return known(until);
        } catch (CacheTimeoutException e) {
            long firstNanos = config.connectTimeout().toNanos() + TopologyRefresh.VIEW_TIMEOUT_NANOS;
            throw rounds.isFirst(firstNanos) ? errors.firstContact(e) : e;
        }
    }

    /** Whether the topology has been asked for since a moment, whatever came of it. */
    boolean isFresh(long moment) {
        return rounds.isFresh(moment);
    }

    /**
     * Waits for what nodes say that are asked from now on, whatever comes of it; what was asked before may be older than what the
     * caller has just met.
     *
     * @param until when to give up
     */
    void awaitFresh(long until) {
        rounds.awaitNext(until);
    }

    /** The last time that everything was disconnected. */
    Cut cut() {
        return cut;
    }

    /** Ends what is under way: notes it, fails those who wait for the topology, and closes every connection. */
    void disconnect(Throwable cause) {
        cutOff(cause);
        nodes.all().forEach(node -> node.reset(new CloseReason(CloseReason.Kind.DISCONNECTED, cause)));
    }

    private void cutOff(@Nullable Throwable cause) {
        cut = new Cut(cause);
        rounds.fail(errors.disconnected(cause, false));
    }

    /** Has the thread that asks end, and closes every node. */
    void close(CloseReason why) {
        schedule.close();
        cutOff(why.cause());
        nodes.closeAll(why);
    }
}
