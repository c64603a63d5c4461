package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Chooses the node that an errand goes to. Thread-safe. */
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

    /** Where an errand goes now; {@code null} if nowhere, and then it knows why. */
    @Nullable
    Node of(Errand<?> errand) {
        Node asked = errand.askNext();
        if (asked != null) {
            return asked;
        }
        Node pinned = errand.pinned();
        if (pinned == null && outages.holds(errand.slot())) {
            errand.failed(errors.unsettled(errand.slot()));
            return null;
        }
        Node node = pinned == null ? inShard(errand) : pinned;
        Throwable outage = node == null ? null : node.outage();
        if (node == null || outage == null) {
            return node;
        }
        CacheUnavailableException why = errors.out(node, outage, () -> servesMostWithout(node));
        if (pinned != null || topology.isFresh(node.outSince())) {
            errand.failed(why);
        } else {
            errand.askAround(node, why);
        }
        return null;
    }

    private @Nullable Node inShard(Errand<?> errand) {
        SlotMap.Shard shard = topology.map().shard(errand.slot());
        if (shard == null) {
            topology.refreshSoon();
            errand.pause(errors.unserved(errand.slot(), () -> servesMostWithout(null)));
            return null;
        }
        Node master = shard.master();
        if (master.isUp() && master.isUncompared()) {
            if (master.role().master() && master.prober().isRested(System.nanoTime())) {
                watch.suspect(master);
            }
            errand.hold(master, errors.uncompared(master));
            return null;
        }
        return errand.isRead() ? reader(shard, errand) : master;
    }

    /** Whether a read that a node does not answer may be answered by another. */
    boolean hasOther(Errand<?> errand, Node node) {
        if (!errand.isRead() || readFrom == ReadFrom.MASTER || errand.pinned() != null) {
            return false;
        }
        SlotMap.Shard shard = topology.map().shard(errand.slot());
        return shard != null
                && (isCandidate(shard.master(), node, errand)
                        || shard.replicas().stream().anyMatch(replica -> isCandidate(replica, node, errand)));
    }

    private static boolean isCandidate(Node candidate, Node than, Errand<?> errand) {
        return candidate != than && candidate.isFit() && !errand.avoids(candidate);
    }

    private Node reader(SlotMap.Shard shard, Errand<?> errand) {
        Node master = shard.master();
        if (readFrom == ReadFrom.MASTER) {
            return master;
        }
        boolean masterIsFit = master.isFit() && !errand.avoids(master);
        if ((readFrom == ReadFrom.MASTER_PREFERRED || errand.prefersMaster()) && masterIsFit) {
            return master;
        }
        List<Node> fit = new ArrayList<>(shard.replicas().size() + 1);
        for (Node replica : shard.replicas()) {
            if (replica.isFit() && !errand.avoids(replica)) {
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
