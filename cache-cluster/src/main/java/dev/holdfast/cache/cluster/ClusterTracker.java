package dev.holdfast.cache.cluster;

import dev.holdfast.cache.Covered;
import dev.holdfast.cache.Guard;
import dev.holdfast.cache.Stamps;
import dev.holdfast.cache.Tracking;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Invalidations;
import dev.holdfast.cache.redis.UntrackedException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has each master tell of changes that was read from for somebody who wants to know. What a read found may be kept if the master of its slot answered it, under
 * the guard that this master had before. Whenever slots may have other owners, all guards end. Thread-safe.
 */
final class ClusterTracker {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final String RULE = "+hello +cluster|info +client|tracking";

    private final Topology topology;
    private final Invalidations invalidations;
    private final Map<Node, NodeTracking> nodes = new ConcurrentHashMap<>();
    private volatile @Nullable String untracked;
    private volatile Instant since = Instant.now();
    private volatile boolean warned;
    private volatile boolean closed;

    ClusterTracker(ClusterConfig config, Topology topology) {
        this.topology = topology;
        this.invalidations = new Invalidations(config.keyPrefix());
        topology.tracker(this);
    }

    /** Begins to track a prefix for reads of a store. */
    Tracking track(ClusterStore store, String prefix, Stamps stamps) {
        Invalidations.Tracked tracked = invalidations.add(prefix, stamps);
        nodes.values().forEach(each -> each.track(tracked));
        return new Reads(store, tracked);
    }

    /** Whether changes at a node are worth to be told of. */
    boolean wants(Node node) {
        boolean wanted =
                !closed && !invalidations.isEmpty() && node.role().master() && topology.isMember(node) && node.isUp();
        if (!wanted && !topology.isMember(node)) {
            nodes.remove(node);
        }
        return wanted;
    }

    /** The guard of a read at the master of a slot that is about to be sent; {@code null} if it has none. */
    @Nullable
    Guard guard(Node master, Invalidations.Tracked tracked) {
        Guard guard = nodes.computeIfAbsent(master, node -> new NodeTracking(node, this, invalidations))
                .guard(ByteBuffer.wrap(tracked.serverPrefix()));
        return guard != null ? guard : untracked == null ? null : Guard.UNTRACKED;
    }

    /** Slots may have other owners than before. */
    void ownersChanged() {
        nodes.values().forEach(NodeTracking::ownersChanged);
        topology.refreshSoon();
    }

    /** The topology that is known is another. To be called once it is. */
    void mapChanged() {
        nodes.values().forEach(NodeTracking::ownersChanged);
    }

    /** A node tells of changes. */
    void tells() {
        untracked = null;
        since = Instant.now();
    }

    /** A node tells of changes no more. */
    void changed() {
        since = Instant.now();
    }

    void refused(Node node, UntrackedException why) {
        untracked = node + " does not tell of changes: " + why.getMessage() + ". Its user needs " + RULE;
        since = Instant.now();
        if (!warned) {
            warned = true;
            LOG.warn(
                    "near cache: {}. Until then entries are kept for their untrackedTtl where there is one, else not at all",
                    untracked);
        }
    }

    void authenticate(Authentication words) {
        nodes.values().forEach(each -> each.authenticate(words));
    }

    void disconnect(Throwable why) {
        nodes.values().forEach(each -> each.disconnect(why));
    }

    void close() {
        closed = true;
        disconnect(new IllegalStateException("the store is closed"));
    }

    /** The reads of one cache. */
    private final class Reads implements Tracking {
        private final ClusterStore store;
        private final Invalidations.Tracked tracked;
        private volatile boolean ended;

        Reads(ClusterStore store, Invalidations.Tracked tracked) {
            this.store = store;
            this.tracked = tracked;
        }

        @Override
        public Covered get(String key) {
            return ended ? new Covered(store.get(key), null) : store.covered(tracked, key);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> keys) {
            return store.covered(ended ? null : tracked, keys);
        }

        @Override
        public boolean isPossible() {
            return true;
        }

        /** {@inheritDoc} They are if all masters tell that were read from, and there are some. */
        @Override
        public State state() {
            String why = untracked;
            if (why != null) {
                return new State(Kind.UNTRACKED, since, why);
            }
            List<Node> masters = topology.map().masters();
            ByteBuffer prefix = ByteBuffer.wrap(tracked.serverPrefix());
            long telling = masters.stream()
                    .filter(master -> {
                        NodeTracking at = nodes.get(master);
                        return at != null && at.isCovered(prefix);
                    })
                    .count();
            return telling > 0 && telling == masters.size()
                    ? new State(Kind.TRACKED, since, null)
                    : new State(
                            Kind.INTERRUPTED, since, telling + " of " + masters.size() + " masters tell of changes");
        }

        @Override
        public void close() {
            ended = true;
            invalidations.remove(tracked);
        }
    }
}
