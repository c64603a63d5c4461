package dev.holdfast.cache.testkit;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A real Redis Cluster on {@code 127.0.0.1}: by default three masters with a replica each, whose nodes a test kills, freezes, moves
 * slots between and restarts.
 *
 * <pre>{@code
 * try (RedisCluster cluster = RedisCluster.start()) {
 *     var app = new App(cluster.seeds());               // 127.0.0.1:23456,127.0.0.1:23457,…
 *     RedisServer master = cluster.masterOf("user:7");
 *     master.kill();                                    // a replica takes over in about four seconds
 *     assertTrue(app.stillAnswers("user:7"));
 *     master.restart(RedisServer.Data.KEEP);            // comes back as a replica
 *     cluster.awaitHealthy();
 * }
 * }</pre>
 *
 * <p>It is ready in two to three seconds, most of which a new master waits by itself before it takes writes. {@code
 * cluster-node-timeout} is 2 s. Which node is master of what is asked of the cluster each time, never remembered.
 *
 * <p>Thread-safe, but two changes of the topology at once are the caller's own doing.
 */
public final class RedisCluster implements AutoCloseable {
    private final ClusterNodes nodes = new ClusterNodes();
    private final RedisServer.Builder server;

    private RedisCluster(Builder builder) {
        server = builder.server
                .copy()
                .line("cluster-node-timeout 2000")
                .line("cluster-require-full-coverage " + (builder.requireFullCoverage ? "yes" : "no"));
        int count = builder.masters * (1 + builder.replicasPerMaster);
        try {
            for (int i = 0; i < count; i++) {
                nodes.add(server.startClustered());
            }
            form(builder.masters);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Starts a cluster with the defaults of {@link Builder}. */
    public static RedisCluster start() {
        return builder().start();
    }

    public static Builder builder() {
        return new Builder();
    }

    /** All nodes, running or not: first the original masters, then their replicas, then what was added. A snapshot. */
    public List<RedisServer> nodes() {
        return nodes.all();
    }

    /**
     * One of {@link #nodes()}.
     *
     * @throws IndexOutOfBoundsException if there is no such node
     */
    public RedisServer node(int index) {
        return nodes.all().get(index);
    }

    /** {@code 127.0.0.1:port} of every node, separated by commas. */
    public String seeds() {
        return nodes().stream().map(node -> node.host() + ":" + node.port()).collect(Collectors.joining(","));
    }

    /** The nodes that own slots, by what the cluster knows now: a master just killed is one until its replica has taken over. */
    public List<RedisServer> masters() {
        return nodes.where(node -> !node.slots().isEmpty());
    }

    /** The nodes that are replicas, by what the cluster knows now. */
    public List<RedisServer> replicas() {
        return nodes.where(node -> node.is("slave"));
    }

    /**
     * The node that owns the slot of a key, hash tags observed.
     *
     * @throws IllegalStateException if nobody owns it, or no node answers
     */
    public RedisServer masterOf(String key) {
        int slot = slotOf(key);
        return nodes.where(node -> node.slots().get(slot)).stream()
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("nobody owns slot " + slot));
    }

    /** The replicas of a node, by what the cluster knows now. */
    public List<RedisServer> replicasOf(RedisServer master) {
        String id = nodes.view().byPort(master.port()).id();
        return nodes.where(node -> node.masterId().equals(id));
    }

    /** The slot of a key, 0 to 16383: of its first non-empty {@code {hash tag}} if it has one. */
    public static int slotOf(String key) {
        return Slots.of(key);
    }

    /**
     * Makes a replica the master of its shard ({@code CLUSTER FAILOVER}: no write is lost) and waits until every node that answers has
     * seen it.
     *
     * @throws IllegalStateException if it is no replica or its master is gone
     */
    public void failover(RedisServer replica) {
        String masterId = nodes.view().byPort(replica.port()).masterId();
        replica.command("CLUSTER", "FAILOVER");
        nodes.awaitEverywhere(
                "failover to " + replica,
                view -> view.byPort(replica.port()).is("master")
                        && view.nodes().stream().anyMatch(node -> node.id().equals(masterId) && node.is("slave")));
    }

    /**
     * Moves slots with their keys from one master to another, slot by slot, as {@code redis-cli --cluster reshard} does, and waits
     * until every node that answers knows. Clients meet {@code MOVED}, {@code ASK} and {@code TRYAGAIN} meanwhile.
     *
     * @param count how many slots, the lowest first
     * @throws IllegalStateException if {@code from} owns fewer
     */
    public void migrateSlots(RedisServer from, RedisServer to, int count) {
        BitSet owned = ClusterView.of(from).myself().slots();
        if (owned.cardinality() < count) {
            throw new IllegalStateException(from + " owns " + owned.cardinality() + " slots, not " + count);
        }
        int[] moving = owned.stream().limit(count).toArray();
        new SlotMigration(from, to, masters()).move(moving);
        nodes.awaitEverywhere("everyone to know of the migration", view -> {
            BitSet slots = view.byPort(to.port()).slots();
            return Arrays.stream(moving).allMatch(slots::get);
        });
    }

    /** Starts one more node, a master without slots, and waits until every node that answers knows it and it takes writes. */
    public RedisServer addNode() {
        RedisServer added = nodes.add(server.startClustered());
        meet(nodes.answering().get(0), added);
        nodes.awaitAcquaintance();
        nodes.awaitHealthy(added);
        return added;
    }

    /**
     * Ends a node for good, and makes the others forget it. Its replicas follow another master.
     *
     * @throws IllegalStateException if it owns slots: {@link #migrateSlots migrate} them first
     */
    public void removeNode(RedisServer node) {
        ClusterView view = nodes.view();
        ClusterView.Node removed = view.byPort(node.port());
        if (!removed.slots().isEmpty()) {
            throw new IllegalStateException(node + " owns " + removed.slots().cardinality() + " slots");
        }
        nodes.remove(node);
        String heir = id(masters().get(0));
        for (RedisServer replica : nodes.where(other -> other.masterId().equals(removed.id()))) {
            replica.command("CLUSTER", "REPLICATE", heir);
        }
        node.close();
        nodes.answering().forEach(other -> other.command("CLUSTER", "FORGET", removed.id()));
        nodes.awaitAcquaintance();
    }

    /** Stops all nodes, starts them again on the same ports, and waits until the cluster is healthy. */
    public void restart(RedisServer.Data data) {
        stopAll();
        nodes().forEach(node -> node.restart(data));
        awaitHealthy();
    }

    /**
     * As {@link #restart} with the data kept, but every node comes back on another port, as containers do. A client that knows but the
     * old ports is lost, until it is given {@link #seeds()} again.
     */
    public void restartOnOtherPorts() {
        stopAll();
        Map<String, String> moves = new HashMap<>();
        for (RedisServer node : nodes()) {
            String before = node.ports().clusterAddress();
            node.move();
            moves.put(before, node.ports().clusterAddress());
        }
        nodes().forEach(node -> node.readdress(moves));
        nodes().forEach(node -> node.restart(RedisServer.Data.KEEP));
        awaitHealthy();
    }

    /** Changes the password of the default user on all nodes, as {@link RedisServer#setPassword}. The nodes among themselves don't notice. */
    public void setPassword(@Nullable String newPassword) {
        nodes().forEach(node -> node.setPassword(newPassword));
    }

    /**
     * Waits until all nodes that run agree that every slot is served and no node that they know is failing, and every replica is in sync.
     *
     * @throws IllegalStateException if that takes more than 60 s
     */
    public void awaitHealthy() {
        nodes.awaitHealthy();
    }

    /** Kills all nodes and deletes their files. */
    @Override
    public void close() {
        nodes().forEach(RedisServer::close);
    }

    @Override
    public String toString() {
        return "RedisCluster[" + seeds() + "]";
    }

    private void form(int masters) {
        List<RedisServer> all = nodes();
        for (int i = 0; i < masters; i++) {
            String first = Integer.toString(i * Slots.COUNT / masters);
            String last = Integer.toString((i + 1) * Slots.COUNT / masters - 1);
            // Distinct epochs from the start: nobody has to settle a collision by gossip.
            all.get(i).command("CLUSTER", "SET-CONFIG-EPOCH", Integer.toString(i + 1));
            all.get(i).command("CLUSTER", "ADDSLOTSRANGE", first, last);
        }
        all.subList(1, all.size()).forEach(node -> meet(all.get(0), node));
        nodes.awaitAcquaintance();
        for (int i = masters; i < all.size(); i++) {
            all.get(i).command("CLUSTER", "REPLICATE", id(all.get(i % masters)));
        }
        int replicas = all.size() - masters;
        nodes.awaitEverywhere(
                "every node to know every replica",
                view -> view.nodes().stream().filter(node -> node.is("slave")).count() == replicas);
        awaitHealthy();
    }

    private static void meet(RedisServer one, RedisServer other) {
        one.command(
                "CLUSTER",
                "MEET",
                other.host(),
                Integer.toString(other.port()),
                Integer.toString(other.ports().busPort()));
    }

    private void stopAll() {
        // Replicas first: a master that ends waits for those that lag. Of nodes that were killed nobody knows who is
        // what.
        if (!nodes.answering().isEmpty()) {
            replicas().forEach(RedisServer::stop);
        }
        nodes().forEach(RedisServer::stop);
    }

    private static String id(RedisServer node) {
        return String.valueOf(node.command("CLUSTER", "MYID"));
    }

    /** What a cluster is to be. Defaults: 3 masters, 1 replica each, full coverage required, no password, no TLS. Not thread-safe. */
    public static final class Builder {
        private final RedisServer.Builder server = RedisServer.builder();
        private int masters = 3;
        private int replicasPerMaster = 1;
        private boolean requireFullCoverage = true;

        private Builder() {}

        /** How many masters, at least 1. With fewer than 3 no replica can be elected, since the majority of masters must vote. */
        public Builder masters(int masters) {
            this.masters = atLeast(1, masters, "masters");
            return this;
        }

        /** How many replicas each master has, 0 or more. */
        public Builder replicasPerMaster(int replicas) {
            this.replicasPerMaster = atLeast(0, replicas, "replicasPerMaster");
            return this;
        }

        /** {@code cluster-require-full-coverage}: whether all shards refuse ({@code CLUSTERDOWN}) while one is gone. */
        public Builder requireFullCoverage(boolean required) {
            this.requireFullCoverage = required;
            return this;
        }

        /** As {@link RedisServer.Builder#password}. */
        public Builder password(String password) {
            server.password(password);
            return this;
        }

        /** As {@link RedisServer.Builder#user(String, String, String)}. */
        public Builder user(String name, String password, String rules) {
            server.user(name, password, rules);
            return this;
        }

        /** TLS for clients and among the nodes, each with a valid certificate of this authority. */
        public Builder tls(Certificates authority) {
            server.tls(authority, Certificates.Kind.VALID);
            return this;
        }

        /** As {@link RedisServer.Builder#persistence}. */
        public Builder persistence(RedisServer.Persistence persistence) {
            server.persistence(persistence);
            return this;
        }

        /** As {@link RedisServer.Builder#line}, on every node. */
        public Builder line(String line) {
            server.line(line);
            return this;
        }

        /**
         * Starts a cluster and waits until it is healthy.
         *
         * @throws IllegalStateException if it does not come up within a minute
         */
        public RedisCluster start() {
            return new RedisCluster(this);
        }

        private static int atLeast(int bound, int value, String name) {
            if (value < bound) {
                throw new IllegalArgumentException(name + " must be at least " + bound + ": " + value);
            }
            return value;
        }
    }
}
