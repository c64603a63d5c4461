package dev.holdfast.cache.testkit;

import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/** The nodes of a cluster, and what those of them that answer know of it: asked each time, never remembered. Thread-safe. */
final class ClusterNodes {
    private static final Duration BOUND = Duration.ofSeconds(60);

    private final List<RedisServer> nodes = new CopyOnWriteArrayList<>();

    /** All of them, in the order in which they came. A snapshot. */
    List<RedisServer> all() {
        return List.copyOf(nodes);
    }

    RedisServer add(RedisServer node) {
        nodes.add(node);
        return node;
    }

    void remove(RedisServer node) {
        nodes.remove(node);
    }

    List<RedisServer> answering() {
        return nodes.stream().filter(RedisServer::isAnswering).toList();
    }

    /** Those whose line of the most recent view is so. */
    List<RedisServer> where(Predicate<ClusterView.Node> line) {
        ClusterView view = view();
        return nodes.stream()
                .filter(node -> view.nodes().stream().anyMatch(seen -> seen.port() == node.port() && line.test(seen)))
                .toList();
    }

    /** The most recent view: a master that was away until now does not know yet that it was replaced. */
    ClusterView view() {
        return answering().stream()
                .flatMap(node -> viewOf(node).stream())
                .max(Comparator.comparingLong(ClusterView::epoch))
                .orElseThrow(() -> new IllegalStateException("no node of the cluster answers"));
    }

    /** What a node knows; nothing while it loads, which a replica does whenever it takes all data of its master. */
    private static Optional<ClusterView> viewOf(RedisServer node) {
        try {
            return Optional.of(ClusterView.of(node));
        } catch (IllegalStateException e) {
            if (ServerProcess.isLoading(e)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /**
     * Waits until every node that answers sees the cluster so.
     *
     * @throws IllegalStateException if that takes more than 60 s
     */
    void awaitEverywhere(String what, Predicate<ClusterView> condition) {
        await(what, () -> answering().stream()
                .allMatch(node -> viewOf(node).filter(condition).isPresent()));
    }

    void awaitAcquaintance() {
        awaitEverywhere(
                "every node to know every other",
                view -> view.nodes().size() == nodes.size()
                        && view.nodes().stream().noneMatch(node -> node.is("handshake")));
    }

    void awaitHealthy() {
        await("the cluster to be healthy", () -> answering().stream().allMatch(ClusterNodes::isHealthy));
    }

    void awaitHealthy(RedisServer node) {
        await(node + " to be healthy", () -> isHealthy(node));
    }

    private static boolean isHealthy(RedisServer node) {
        return viewOf(node).filter(view -> isHealthy(node, view)).isPresent();
    }

    private static boolean isHealthy(RedisServer node, ClusterView view) {
        String cluster = info(node, "CLUSTER", "INFO");
        // Without full coverage the state is well also where a node has not heard of all slots yet.
        return view.nodes().stream().allMatch(ClusterView.Node::isSettled)
                && cluster.contains("cluster_state:ok")
                && cluster.contains("cluster_slots_assigned:16384")
                && (view.myself().is("master")
                        || info(node, "INFO", "replication").contains("master_link_status:up"));
    }

    private static String info(RedisServer node, String... command) {
        return String.valueOf(node.command(command));
    }

    private void await(String what, BooleanSupplier condition) {
        if (!Polling.until(BOUND, condition)) {
            throw new IllegalStateException("waited " + BOUND.toSeconds() + " s for " + what + ":\n"
                    + answering().get(0).command("CLUSTER", "NODES"));
        }
    }
}
