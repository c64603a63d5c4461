package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Reads stay in the zone. The nodes are peers that say what a Valkey says that is told its zone: the testkit's Redis has none. */
class ZoneTest {
    private static final int READS = 200;

    private final List<Peer> peers = new ArrayList<>();

    @AfterEach
    void close() {
        peers.forEach(peer -> peer.peer.close());
    }

    /** A node of one shard: the first is its master. */
    private final class Peer {
        private final AtomicLong reads = new AtomicLong();
        private final String zone;
        private final RespPeer peer;

        Peer(String zone) {
            this.zone = zone;
            this.peer = RespPeer.start(this::answer);
        }

        private void answer(List<String> command, RespPeer.Caller caller) throws IOException {
            switch (command.get(0)) {
                case "CLUSTER" -> cluster(command.get(1), caller);
                case "PING" ->
                    caller.lines(
                            command.size() == 1 ? "+PONG" : "$" + command.get(1).length() + "\r\n" + command.get(1));
                case "INFO" ->
                    PeerCluster.bulk(caller, "# Server\r\nredis_version:8.1.0\r\navailability_zone:" + zone + "\r\n");
                case "GET" -> {
                    reads.incrementAndGet();
                    caller.lines("$1", "v");
                }
                default -> caller.lines("+OK");
            }
        }

        private void cluster(String what, RespPeer.Caller caller) throws IOException {
            if (!what.equals("NODES")) {
                PeerCluster.bulk(caller, "cluster_current_epoch:1\r\n");
                return;
            }
            StringBuilder nodes = new StringBuilder();
            IntFunction<String> id =
                    index -> String.valueOf((char) ('a' + index)).repeat(40);
            for (int i = 0; i < peers.size(); i++) {
                Peer each = peers.get(i);
                nodes.append(id.apply(i))
                        .append(" 127.0.0.1:" + each.peer.port() + "@1 ")
                        .append(each == this ? "myself," : "")
                        .append(
                                i == 0
                                        ? "master - 0 0 1 connected 0-16383\n"
                                        : "slave " + id.apply(0) + " 0 0 1 connected\n");
            }
            PeerCluster.bulk(caller, nodes.toString());
        }
    }

    private ClusterStore open(String zone, String... zones) {
        for (String each : zones) {
            peers.add(new Peer(each));
        }
        return ClusterStore.of(ClusterStoreProvider.config(Settings.of(Map.of(
                "REDIS_CLUSTER_NODES",
                "127.0.0.1:" + peers.get(0).peer.port(),
                "REDIS_CLUSTER_READ_FROM",
                "zone",
                "REDIS_ZONE",
                zone,
                "REDIS_HEALTH_CHECK_INTERVAL",
                "100"))));
    }

    /** Reads until all zones are known, and then the others are asked nothing. */
    private void assertReaders(ClusterStore store, List<Integer> expected) {
        eventually("reads at " + expected, () -> readers(store).equals(expected));
        assertEquals(expected, readers(store));
    }

    /** Which of the peers answer reads. */
    private List<Integer> readers(ClusterStore store) {
        peers.forEach(peer -> peer.reads.set(0));
        for (int i = 0; i < READS; i++) {
            store.get("k" + i);
        }
        List<Integer> readers = new ArrayList<>();
        for (int i = 0; i < peers.size(); i++) {
            if (peers.get(i).reads.get() > 0) {
                readers.add(i);
            }
        }
        return readers;
    }

    @Test
    void replicasInTheZoneAnswerReads() {
        try (ClusterStore store = open("b", "a", "a", "b", "b")) {
            assertReaders(store, List.of(2, 3));
        }
    }

    @Test
    void theMasterInTheZoneAnswersBeforeReplicasElsewhere() {
        try (ClusterStore store = open("a", "a", "b", "c")) {
            assertReaders(store, List.of(0));
        }
    }

    @Test
    void replicasElsewhereAnswerWhereNobodyIsInTheZone() {
        try (ClusterStore store = open("z", "a", "b", "c")) {
            assertReaders(store, List.of(1, 2));
        }
    }

    @Test
    void theZoneMustBeKnown() {
        CacheConfigException e = assertThrows(
                CacheConfigException.class,
                () -> ClusterStoreProvider.config(
                        Settings.of(Map.of("REDIS_CLUSTER_NODES", "h:1", "REDIS_CLUSTER_READ_FROM", "zone"))));
        assertTrue(e.getMessage().contains("REDIS_ZONE is not set"), e.getMessage());
    }
}
