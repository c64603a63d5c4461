package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Chooses the node that a request goes to. Thread-safe. */
final class Targets {
    private final Topology topology;
    private final Watch watch;
    private final Outages outages;
    private final LettuceErrors errors;
    private final ReadFrom readFrom;
    private final @Nullable String zone;

    Targets(ClusterConfig config, Topology topology, Watch watch, LettuceErrors errors) {
        this.watch = watch;
        this.topology = topology;
        this.outages = topology.outages();
        this.errors = errors;
        this.readFrom = config.readFrom();
        this.zone = config.zone();
    }

    /** Where a request goes now; {@code null} if nowhere, and then it knows why. */
    @Nullable
    Node of(RoutedRequest<?> routed) {
        Node asked = routed.askNext();
        if (asked != null) {
            return asked;
        }
        Node pinned = routed.pinned();
        if (pinned == null && outages.holds(routed.slot())) {
            routed.failed(errors.unsettled(routed.slot()));
            return null;
        }
        Node node = pinned == null ? inShard(routed) : pinned;
        Throwable outage = node == null ? null : node.outage();
        if (node == null || outage == null) {
            return node;
        }
        CacheUnavailableException why = errors.out(node, outage, () -> servesMostWithout(node));
        if (pinned != null || topology.isFresh(node.outSince())) {
            routed.failed(why);
        } else {
            routed.askAround(node, why);
        }
        return null;
    }

    private @Nullable Node inShard(RoutedRequest<?> routed) {
        SlotMap.Shard shard = topology.map().shard(routed.slot());
        if (shard == null) {
            topology.refreshSoon();
            routed.pause(errors.unserved(routed.slot(), () -> servesMostWithout(null)));
            return null;
        }
        Node master = shard.master();
        if (master.isUp() && master.isUncompared()) {
            if (master.role().master() && master.prober().isRested(System.nanoTime())) {
                watch.suspect(master);
            }
            routed.hold(master, errors.uncompared(master));
            return null;
        }
        return routed.isRead() ? reader(shard, routed) : master;
    }

    /** Whether a read that a node does not answer may be answered by another. */
    boolean hasOther(RoutedRequest<?> routed, Node node) {
        if (!routed.isRead() || readFrom == ReadFrom.MASTER || routed.pinned() != null) {
            return false;
        }
        SlotMap.Shard shard = topology.map().shard(routed.slot());
        return shard != null
                && (isCandidate(shard.master(), node, routed)
                        || shard.replicas().stream().anyMatch(replica -> isCandidate(replica, node, routed)));
    }

    private static boolean isCandidate(Node candidate, Node than, RoutedRequest<?> routed) {
        return candidate != than && candidate.isFit() && !routed.avoids(candidate);
    }

    private Node reader(SlotMap.Shard shard, RoutedRequest<?> routed) {
        Node master = shard.master();
        if (readFrom == ReadFrom.MASTER) {
            return master;
        }
        boolean masterIsFit = master.isFit() && !routed.avoids(master);
        if ((readFrom == ReadFrom.MASTER_PREFERRED || routed.prefersMaster()) && masterIsFit) {
            return master;
        }
        List<Node> fit = new ArrayList<>(shard.replicas().size() + 1);
        for (Node replica : shard.replicas()) {
            if (replica.isFit() && !routed.avoids(replica)) {
                fit.add(replica);
            }
        }
        if (readFrom == ReadFrom.ZONE) {
            List<Node> near = new ArrayList<>(fit);
            near.removeIf(node -> !isNear(node));
            if (!near.isEmpty()) {
                fit = near;
            } else if (masterIsFit && isNear(master)) {
                return master;
            }
        }
        if (readFrom == ReadFrom.NEAREST) {
            if (masterIsFit) {
                fit.add(master);
            }
            return fit.stream()
                    .min(Comparator.comparingLong(node -> node.prober().lastLatencyNanos()))
                    .orElse(master);
        }
        return fit.isEmpty() ? master : fit.get(ThreadLocalRandom.current().nextInt(fit.size()));
    }

    /** Whether it is in our zone; one that nobody has asked yet may be, and is asked by the read. */
    private boolean isNear(Node node) {
        String known = node.pool().zone();
        return known == null ? !node.pool().wasReached() : known.equals(zone);
    }

    /** Whether the trouble is one shard's: the others, at least half of the slots, are served. */
    boolean servesMostWithout(@Nullable Node node) {
        int served = 0;
        for (Node other : topology.map().nodes()) {
            if (other != node && other.isFit()) {
                served += other.role().slots().cardinality();
            }
        }
        return 2 * served >= Slots.COUNT;
    }
}
