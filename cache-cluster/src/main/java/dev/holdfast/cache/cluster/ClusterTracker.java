package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Invalidations;
import dev.holdfast.cache.redis.TrackingStatus;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
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
    private final TrackingStatus status = new TrackingStatus(LOG, RULE);
    private final Map<Node, NodeTracking> nodes = new ConcurrentHashMap<>();
    private volatile boolean closed;

    ClusterTracker(ClusterConfig config, Topology topology) {
        this.topology = topology;
        this.invalidations = new Invalidations(config.keyPrefix());
        topology.tracker(this);
    }

    /** Begins to track a prefix for reads of a store. */
    Tracking track(ClusterStore store, Calls calls, String prefix, Stamps stamps) {
        Invalidations.Tracked tracked = invalidations.add(prefix, stamps);
        nodes.values().forEach(each -> each.track(tracked));
        return new Reads(store, calls, tracked);
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
        return status.guard(guard);
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

    /** Whether nodes tell of changes. */
    TrackingStatus status() {
        return status;
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
        private final Calls calls;
        private final Invalidations.Tracked tracked;
        private volatile boolean ended;

        Reads(ClusterStore store, Calls calls, Invalidations.Tracked tracked) {
            this.store = store;
            this.calls = calls;
            this.tracked = tracked;
        }

        @Override
        public Covered get(String key) {
            if (ended) {
                return new Covered(store.get(key), null);
            }
            byte[] server = calls.serverKey(key);
            RoutedRequest<byte[]> routed =
                    new RoutedRequest<>(Slots.of(server), RoutedRequest.Kind.READ, Requests.get(server));
            Node master = expected(routed);
            Guard guard = master == null ? null : guard(master, tracked);
            byte[] value = calls.run(routed);
            return new Covered(value, routed.answeredBy() == master ? guard : null);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> keys) {
            Map<String, RoutedRequest<byte[]>> allRouted =
                    calls.allRouted(keys, RoutedRequest.Kind.READ, Requests::get);
            Map<String, Node> masters = new HashMap<>();
            Map<String, Guard> guards = new HashMap<>();
            allRouted.forEach((key, routed) -> {
                Node master = expected(routed);
                Guard guard = master == null || ended ? null : guard(master, tracked);
                if (guard != null) {
                    masters.put(key, master);
                    guards.put(key, guard);
                }
            });
            calls.runAll(allRouted);
            Map<String, Covered> found = new LinkedHashMap<>();
            Calls.found(allRouted).forEach((key, value) -> {
                RoutedRequest<byte[]> routed = allRouted.get(key);
                boolean byMaster = routed != null && routed.answeredBy() == masters.get(key);
                found.put(key, new Covered(value, byMaster ? guards.get(key) : null));
            });
            return found;
        }

        /** Has a read go to the master, if that is there; returns which that is, as far as is known. */
        private @Nullable Node expected(RoutedRequest<?> routed) {
            routed.preferMaster();
            SlotMap.Shard shard = topology.map().shard(routed.slot());
            return shard == null ? null : shard.master();
        }

        @Override
        public boolean isPossible() {
            return true;
        }

        /** {@inheritDoc} They are if all masters tell that were read from, and there are some. */
        @Override
        public State state() {
            List<Node> masters = topology.map().masters();
            ByteBuffer prefix = ByteBuffer.wrap(tracked.serverPrefix());
            long telling = masters.stream()
                    .filter(master -> {
                        NodeTracking at = nodes.get(master);
                        return at != null && at.isCovered(prefix);
                    })
                    .count();
            return status.state(
                    telling > 0 && telling == masters.size() && !status.isRefused(),
                    telling + " of " + masters.size() + " masters tell of changes");
        }

        @Override
        public void close() {
            ended = true;
            invalidations.remove(tracked);
        }
    }
}
