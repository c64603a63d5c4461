package dev.holdfast.cache.validation;

import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.validation.ClusterNodes.Node;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.util.JedisClusterCRC16;

/** Whether a cluster serves everything and survives the loss of a master. */
final class ClusterChecks {
    private static final String NODES = "REDIS_CLUSTER_NODES";
    private static final int FEWEST_MASTERS = 3;
    private static final int MOST_TRIED = 1_000_000;

    private ClusterChecks() {}

    static List<Result> of(ClusterNodes cluster) {
        return List.of(slots(cluster), replicas(cluster), majority(cluster));
    }

    private static Result slots(ClusterNodes cluster) {
        String measured = cluster.served() + " of " + ClusterNodes.SLOTS + " slots are served by "
                + cluster.masters().size() + " masters";
        return cluster.served() == ClusterNodes.SLOTS
                ? Result.ok("cluster: slots", measured)
                : Result.failed(
                        "cluster: slots",
                        measured,
                        "redis-cli --cluster fix with a node of " + NODES + " gives the others to a master");
    }

    private static Result replicas(ClusterNodes cluster) {
        List<Node> alone = cluster.alone();
        if (alone.isEmpty()) {
            return Result.ok(
                    "cluster: replicas", "each of " + cluster.masters().size() + " masters has one that is well");
        }
        String names =
                alone.stream().map(node -> node.host() + ':' + node.port()).collect(Collectors.joining(", "));
        return Result.failed(
                "cluster: replicas",
                "no replica that is well of " + names,
                "redis-cli --cluster add-node NEW with a node of " + NODES
                        + " and --cluster-slave, or start the one that is away");
    }

    private static Result majority(ClusterNodes cluster) {
        List<Node> masters = cluster.masters();
        long well = masters.stream().filter(node -> !node.failing()).count();
        String measured = well + " of " + masters.size() + " masters are well";
        if (well * 2 <= masters.size()) {
            return Result.failed(
                    "cluster: majority",
                    measured,
                    "start the masters that are away: less than half of them elect nobody; " + NODES);
        }
        return masters.size() < FEWEST_MASTERS
                ? Result.warning(
                        "cluster: majority", measured, "have three masters at least, so that two can elect; " + NODES)
                : Result.ok("cluster: majority", measured);
    }

    /**
     * Where this process reaches a node: where the store does.
     *
     * @param cluster what the settings say of the cluster
     * @param seed the node that was asked
     */
    static Target target(Node node, ClusterConfig cluster, Target seed) {
        String host = node.host().isEmpty() ? seed.host() : node.host();
        Address reached = Address.parse(cluster.reached(new Address(host, node.port()).toString()));
        return seed.at(reached.host(), reached.port());
    }

    /** A key of this run, of a slot that a master has; {@code null} if the prefix has a hash tag that leads to another. */
    static @Nullable String keyOf(Node master, String keyPrefix) {
        for (int i = 0; i < MOST_TRIED; i++) {
            if (master.slots().get(JedisClusterCRC16.getSlot(keyPrefix + i))) {
                return keyPrefix + i;
            }
        }
        return null;
    }
}
