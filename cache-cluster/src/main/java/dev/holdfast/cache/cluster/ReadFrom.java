package dev.holdfast.cache.cluster;

import java.util.Locale;

/**
 * Which node of a shard answers reads. Only {@link #MASTER} lets a client read its own writes: replicas follow their
 * master asynchronously.
 */
public enum ReadFrom {
    /** The master, always. */
    MASTER,
    /** The master; a replica while the master does not answer. */
    MASTER_PREFERRED,
    /** The replicas in turn; the master while none answers. */
    REPLICA_PREFERRED,
    /** Whichever node has answered its last probes fastest. */
    NEAREST,
    /**
     * The nodes in this process's own zone in turn, replicas first; the other replicas while none of those answers, the master while none
     * of these. Nodes say which zone they are in: Valkey 8 and what is built on it ({@code availability-zone}). Needs
     * {@link ClusterConfig#withZone}.
     */
    ZONE;

    /** As {@code REDIS_CLUSTER_READ_FROM} has it. */
    String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
