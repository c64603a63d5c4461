package dev.holdfast.cache.cluster;

import java.util.List;

/**
 * The command by which nodes are asked what they see of the cluster. The first says most; proxies in front of a cluster, and users who
 * may do little, may have only one of the others.
 */
enum Dialect {
    /** {@code CLUSTER NODES}. */
    NODES {
        @Override
        Request<?> request() {
            return Requests.CLUSTER_NODES;
        }

        @Override
        View view(Object reply, List<?> slots, Asked asked) {
            return View.parse(bytes(reply), slots, asked.address());
        }

        @Override
        boolean hasHostNames(Object reply) {
            return View.hasHostNames(bytes(reply));
        }
    },
    /** {@code CLUSTER SLOTS}. */
    SLOTS {
        @Override
        Request<?> request() {
            return Requests.CLUSTER_SLOTS;
        }

        @Override
        View view(Object reply, List<?> slots, Asked asked) {
            return SlotRanges.view(list(reply), asked);
        }
    },
    /** {@code CLUSTER SHARDS}. */
    SHARDS {
        @Override
        Request<?> request() {
            return Requests.CLUSTER_SHARDS;
        }

        @Override
        View view(Object reply, List<?> slots, Asked asked) {
            return ShardList.view(list(reply), asked);
        }
    };

    /** The command. */
    abstract Request<?> request();

    /**
     * Reads a reply to it.
     *
     * @param slots a reply to {@code CLUSTER SLOTS} that came with it; empty if there is none
     * @param asked the node that replied
     * @throws IllegalArgumentException if it is malformed
     */
    abstract View view(Object reply, List<?> slots, Asked asked);

    /** Whether the cluster may have clients use other addresses than those in a reply. */
    boolean hasHostNames(Object reply) {
        return false;
    }

    /** What to ask with if a node refuses this; the first after the last. */
    Dialect next() {
        return switch (this) {
            case NODES -> SLOTS;
            case SLOTS -> SHARDS;
            case SHARDS -> NODES;
        };
    }

    private static byte[] bytes(Object reply) {
        if (reply instanceof byte[] bytes) {
            return bytes;
        }
        throw new IllegalArgumentException("a reply to CLUSTER NODES that is no text");
    }

    private static List<?> list(Object reply) {
        if (reply instanceof List<?> list) {
            return list;
        }
        throw new IllegalArgumentException("a reply to CLUSTER SLOTS or SHARDS that is no list");
    }
}
