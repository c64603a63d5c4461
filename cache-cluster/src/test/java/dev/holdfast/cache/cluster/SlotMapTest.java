package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.RedisCluster;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Slots, and what becomes of several nodes' views. No server. */
class SlotMapTest {
    private static final Address ASKED = new Address("10.0.0.1", 7000);
    private static final String CLUSTER = """
            aaa 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191 [42->-bbb]
            bbb 10.0.0.2:7000@17000,node-b,shard-id=1 master - 0 0 2 connected 8192-16382 16383
            ccc 10.0.0.3:7000@17000 slave aaa 0 0 1 connected
            ddd :0@0 master,noaddr - 0 0 0 disconnected
            """;

    private final Map<Address, Node> nodes = new HashMap<>();

    private Node node(Address address) {
        ClusterConfig config = ClusterConfig.of(List.of("a:1"));
        return nodes.computeIfAbsent(address, place -> new Node(place, config, null, new Canaries(config)));
    }

    private SlotMap merge(View... views) {
        return SlotMap.merge(List.of(views), this::node);
    }

    private static View view(String nodes, Object... slots) {
        return View.parse(nodes.getBytes(StandardCharsets.UTF_8), List.of(slots), ASKED);
    }

    @Test
    void slotsAreThoseOfTheServer() {
        for (String key : List.of("", "foo", "{user}:1", "{}x", "a{b", "a{b}c}", "{{x}}", "\u00e9\u9375")) {
            assertEquals(RedisCluster.slotOf(key), Slots.of(key.getBytes(StandardCharsets.UTF_8)), key);
        }
        assertEquals(12_739, Slots.of("123456789".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void everySlotHasATagThatLeadsThere() {
        for (int slot = 0; slot < Slots.COUNT; slot++) {
            assertEquals(slot, Slots.of(("x{" + Slots.tagOf(slot) + "}y").getBytes(StandardCharsets.UTF_8)));
        }
    }

    @Test
    void aViewHasMastersReplicasAndSlots() {
        SlotMap map = merge(view(CLUSTER));

        SlotMap.Shard first = map.shard(0);
        assertEquals("10.0.0.1:7000", String.valueOf(first.master()));
        assertEquals("[10.0.0.3:7000]", String.valueOf(first.replicas()));
        assertEquals("10.0.0.2:7000", String.valueOf(map.shard(16_383).master()));
        assertEquals(3, map.nodes().size());
        assertEquals(2, map.masters().size());
        assertEquals(Slots.COUNT, map.served());
        assertTrue(map.isMoving());
    }

    @Test
    void theGreaterEpochHasTheSlot() {
        String later = """
                aaa 10.0.0.1:7000@17000 master,fail - 0 0 1 disconnected
                bbb 10.0.0.2:7000@17000 master - 0 0 2 connected 8192-16383
                ccc 10.0.0.3:7000@17000 myself,master - 0 0 3 connected 0-8191
                """;

        for (SlotMap map : List.of(merge(view(CLUSTER), view(later)), merge(view(later), view(CLUSTER)))) {
            assertEquals("10.0.0.3:7000", String.valueOf(map.shard(0).master()));
        }
    }

    @Test
    void theEndpointThatTheClusterPrefersStands() {
        List<Object> owner = List.of(bytes("node-b.example"), 7001L, bytes("bbb"), List.of());
        SlotMap map = merge(view(CLUSTER, List.of(8192L, 16_383L, owner)));

        assertEquals("node-b.example:7001", String.valueOf(map.shard(9_000).master()));
    }

    @Test
    void aRedirectionChangesOneSlot() {
        SlotMap before = merge(view(CLUSTER));
        Node other = before.shard(9_000).master();

        SlotMap after = before.withMoved(7, other);

        assertSame(other, after.shard(7).master());
        assertNotEquals(other, after.shard(8).master());
        assertNotEquals(other, before.shard(7).master());
        assertNotEquals(before.signature(), after.signature());
        assertSame(after, after.withMoved(7, other));
    }

    @Test
    void slotsThatNobodyClaimsAreServedByNobody() {
        SlotMap map = merge(view("aaa :7000@17000 myself,master - 0 0 1 connected 5\n"));

        assertNull(map.shard(4));
        assertEquals("10.0.0.1:7000", String.valueOf(map.shard(5).master()));
        assertEquals(1, map.served());
        assertFalse(map.isMoving());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
