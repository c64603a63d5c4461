package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** By which commands nodes are asked for the cluster, and how their replies are read. */
class DialectTest {
    private static final Asked PLAIN = new Asked(Address.parse("10.0.0.1:7000"), false, address -> address);

    private static List<Object> node(String id, String role, String health, Object... ports) {
        List<Object> node = new ArrayList<>(List.of(bytes("id"), bytes(id), bytes("ip"), bytes("10.0.0." + id)));
        for (int i = 0; i < ports.length; i += 2) {
            node.add(bytes((String) ports[i]));
            node.add(ports[i + 1]);
        }
        node.addAll(List.of(bytes("role"), bytes(role), bytes("health"), bytes(health)));
        return node;
    }

    private static List<Object> shard(Object... nodes) {
        return List.of(List.of(bytes("slots"), List.of(0L, 16_383L), bytes("nodes"), List.of(nodes)));
    }

    private static Map<String, String> members(View view) {
        Map<String, String> members = new TreeMap<>();
        for (View.Member member : view.members()) {
            members.put(
                    String.valueOf(member.announced()),
                    member.masterId() + ' ' + member.slots().cardinality());
        }
        return members;
    }

    @Test
    void aNodeWithTwoPortsIsReachedByTheOneOfItsProtocol() {
        List<Object> shard = shard(
                node("1", "master", "online", "port", 7000L, "tls-port", 7001L),
                node("2", "replica", "online", "port", 7000L),
                node("3", "replica", "online", "tls-port", 7001L));
        Asked byTls = new Asked(PLAIN.address(), true, address -> address);
        assertEquals(
                Map.of("10.0.0.1:7000", "- 16384", "10.0.0.2:7000", "1 0", "10.0.0.3:7001", "1 0"),
                members(Dialect.SHARDS.view(shard, List.of(), PLAIN)));
        assertEquals(
                Map.of("10.0.0.1:7001", "- 16384", "10.0.0.2:7000", "1 0", "10.0.0.3:7001", "1 0"),
                members(Dialect.SHARDS.view(shard, List.of(), byTls)));
    }

    @Test
    void aFormerMasterThatFailedHasNoSlotsOfTheOneThatFollowsIt() {
        List<Object> failed = node("1", "master", "fail", "port", 7000L);
        List<Object> promoted = node("2", "master", "online", "port", 7000L);
        List<Object> gone = node("3", "replica", "failed", "port", 7000L);
        for (List<Object> shard : List.of(shard(failed, promoted, gone), shard(promoted, failed, gone))) {
            assertEquals(Map.of("10.0.0.2:7000", "- 16384"), members(Dialect.SHARDS.view(shard, List.of(), PLAIN)));
        }
        List<Object> replica = node("4", "replica", "online", "port", 7000L);
        assertEquals(
                Map.of("10.0.0.1:7000", "- 16384", "10.0.0.4:7000", "1 0"),
                members(Dialect.SHARDS.view(shard(failed, replica), List.of(), PLAIN)),
                "nobody follows it yet");
    }

    @Test
    void aNodeThatIsReachedElsewhereThanItAnnouncesKnowsItself() {
        Address announced = Address.parse("10.0.0.1:7000");
        Address reached = Address.parse("127.0.0.1:9000");
        Asked asked = new Asked(reached, false, address -> address.equals(announced) ? reached : address);
        List<Object> ranges = List.of(List.of(
                0L,
                16_383L,
                List.of(bytes("10.0.0.1"), 7000L, bytes("1")),
                List.of(bytes("10.0.0.2"), 7000L, bytes("2"))));
        List<Object> shard =
                shard(node("1", "master", "online", "port", 7000L), node("2", "replica", "online", "port", 7000L));
        for (View view :
                List.of(Dialect.SLOTS.view(ranges, List.of(), asked), Dialect.SHARDS.view(shard, List.of(), asked))) {
            assertEquals(
                    List.of("1 true 1", "2 false 0"),
                    view.members().stream()
                            .map(member -> member.id() + ' ' + member.isMyself() + ' ' + member.epoch())
                            .toList());
        }
    }

    /** Its user was not told yet what the others' may do. */
    @Test
    void aNodeThatRefusesEveryDialectChangesTheOthersNeitherNowNorLater() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            List<RedisServer> nodes = cluster.nodes();
            for (RedisServer node : nodes) {
                node.command("ACL", "SETUSER", "app", "on", ">p", "~*", "&*", "+@all", "-cluster");
                node.command("ACL", "SETUSER", "app", "+cluster|info");
            }
            RedisServer strict = nodes.get(0);
            nodes.stream().skip(1).forEach(DialectTest::allow);
            ClusterConfig config = Shards.patient(cluster).withUsername("app").withPassword(Secret.of("p"));
            try (ClusterStore store = ClusterStore.of(config)) {
                store.get(Shards.keyOn(nodes.get(1)));
                eventually("it has refused them all", () -> String.valueOf(strict.command("ACL", "LOG"))
                        .contains("cluster|shards"));
                allow(strict);
                String key = Shards.keyOn(strict);
                store.put(key, bytes("v"), Duration.ofMinutes(1));
                assertArrayEquals(bytes("v"), store.get(key));
                assertEquals(1, store.removeByPrefix(key));
            }
        }
    }

    private static void allow(RedisServer node) {
        node.command("ACL", "SETUSER", "app", "+cluster|nodes", "+cluster|slots");
    }
}
