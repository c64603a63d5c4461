package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Who has which slots, and keys that are there. */
final class Shards {
    private Shards() {}

    /** How a client is told of a cluster. */
    static ClusterConfig config(RedisCluster cluster) {
        return ClusterConfig.of(List.of(cluster.seeds().split(",")));
    }

    /**
     * The same for tests of what a cluster does, and not of how soon that is noticed: seven processes share the processors with the tests, and one that
     * waits for its turn is not frozen.
     */
    static ClusterConfig patient(RedisCluster cluster) {
        return config(cluster).withMinProbeTimeout(Duration.ofSeconds(2));
    }

    /** The slots that a master serves. */
    static BitSet slotsOf(RedisServer master) {
        byte[] nodes = bytes(String.valueOf(master.command("CLUSTER", "NODES")));
        return View.parse(nodes, List.of(), new Address(master.host(), master.port())).members().stream()
                .filter(View.Member::isMyself)
                .findFirst()
                .orElseThrow()
                .slots();
    }

    /** A key that has one of these slots by its tag. */
    static String keyIn(BitSet slots) {
        return '{' + Slots.tagOf(slots.nextSetBit(0)) + '}';
    }

    static String keyOn(RedisServer master) {
        return keyIn(slotsOf(master));
    }

    /** As {@link #keyOn}, in another of its slots. */
    static String lastKeyOn(RedisServer master) {
        return '{' + Slots.tagOf(slotsOf(master).length() - 1) + '}';
    }

    /** Lets a slot be on its way from one master to another, until somebody says that it is there. */
    static void migrating(String slot, RedisServer from, RedisServer to) {
        to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", id(from));
        from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", id(to));
    }

    static String id(RedisServer server) {
        return String.valueOf(server.command("CLUSTER", "MYID"));
    }

    static BitSet complementOf(BitSet slots) {
        BitSet others = (BitSet) slots.clone();
        others.flip(0, Slots.COUNT);
        return others;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void eventually(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> "waited 30 s in vain for " + what);
            LockSupport.parkNanos(5_000_000);
        }
    }
}
