package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.micrometer.MeterSet.Name;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.ToDoubleFunction;

/**
 * The connections to each node, by OpenTelemetry's conventions for pools. Nodes come and go with a cluster's topology; their meters follow when
 * health is looked at, as it is at each scrape. For any number of threads.
 */
final class NodeMeters {
    private static final Name COUNT = new Name("db.client.connection.count", "Open connections", "connections");
    private static final Name MAX = new Name("db.client.connection.max", "The most connections there may be");
    private static final Name PENDING =
            new Name("db.client.connection.pending_requests", "Commands that wait for a connection");
    private static final Name TIMEOUTS =
            new Name("db.client.connection.timeouts", "Commands that waited for a connection in vain");
    private static final String STATE = "db.client.connection.state";

    private final MeterSet meters;
    private final CommandMeters commands;
    private final Map<Node, MeterSet> nodes = new ConcurrentHashMap<>();
    /** The addresses of servers that were nodes and are none now. Guarded by the lock. */
    private final Set<String> gone = new HashSet<>();

    private final ReentrantLock lock = new ReentrantLock();
    private boolean closed;

    private record Node(String tier, String address) {}

    /** Creates one without nodes; {@code commands} is told which have gone. */
    NodeMeters(MeterSet meters, CommandMeters commands) {
        this.meters = meters;
        this.commands = commands;
    }

    /** Has meters for just the nodes that there are now; {@code view} is what they measure. Does nothing if somebody else does it. */
    void follow(CacheHealth health, HealthView view) {
        if (!lock.tryLock()) {
            return;
        }
        try {
            if (!closed) {
                followNow(health, view);
            }
        } finally {
            lock.unlock();
        }
    }

    private void followNow(CacheHealth health, HealthView view) {
        Set<Node> present = new HashSet<>();
        Set<String> addresses = new HashSet<>();
        for (TierHealth tier : health.tiers()) {
            for (NodeHealth node : tier.store().nodes()) {
                present.add(new Node(tier.name(), node.address()));
                addresses.add(node.address());
            }
        }
        nodes.forEach((node, set) -> {
            if (!present.contains(node) && nodes.remove(node, set)) {
                set.close();
                gone.add(node.address());
            }
        });
        gone.removeAll(addresses);
        // Each time, since a command that was under way when its server went makes the server's meters anew.
        gone.forEach(commands::forget);
        present.forEach(node -> {
            if (!nodes.containsKey(node)) {
                nodes.put(node, register(node, view));
            }
        });
    }

    private MeterSet register(Node node, HealthView view) {
        ServerAddress address = ServerAddress.of(node.address());
        MeterSet set = meters.with(
                "db.client.connection.pool.name",
                node.tier(),
                "server.address",
                address.host(),
                "server.port",
                address.port());
        set.gauge(COUNT, view, pool(node, PoolHealth::active), STATE, "used");
        set.gauge(COUNT, view, pool(node, PoolHealth::idle), STATE, "idle");
        set.gauge(MAX, view, pool(node, PoolHealth::max));
        set.gauge(PENDING, view, pool(node, PoolHealth::waiting));
        set.counter(TIMEOUTS, view, pool(node, PoolHealth::exhausted));
        return set;
    }

    private static ToDoubleFunction<HealthView> pool(Node node, ToDoubleFunction<PoolHealth> value) {
        return view -> view.node(node.tier(), node.address(), health -> value.applyAsDouble(health.pool()));
    }

    /** Takes all out. */
    void close() {
        lock.lock();
        try {
            closed = true;
            nodes.values().forEach(MeterSet::close);
            nodes.clear();
            commands.close();
        } finally {
            lock.unlock();
        }
    }
}
