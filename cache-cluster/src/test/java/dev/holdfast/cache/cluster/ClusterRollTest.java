package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisCluster;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The roll of a cluster's clients: one for all of its masters. */
class ClusterRollTest {
    private static final Duration LIMIT = Duration.ofSeconds(10);

    private static Beat beat(String member, long sent, Map<String, Long> floors, long version) {
        return new Beat(
                member,
                Beat.Standing.CLEAN,
                sent,
                sent,
                Duration.ofSeconds(1),
                Duration.ofSeconds(30),
                false,
                floors,
                version);
    }

    @Test
    void membersHearOfEachOtherAndOfFloors() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                ClusterStore one = ClusterStore.of(Shards.patient(cluster).withKeyPrefix(KeyPrefix.of("app")));
                ClusterStore other = ClusterStore.of(Shards.patient(cluster).withKeyPrefix(KeyPrefix.of("app")))) {
            Roll first = one.beat(beat("one", -1, Map.of(), 0), LIMIT);
            assertTrue(first.oldestMillis() > 30_000, "somebody unknown may be missing from a new roll");
            assertTrue(Math.abs(first.serverMillis() - System.currentTimeMillis()) < 60_000);

            long floor = first.serverMillis() - 5;
            one.beat(beat("one", first.serverMillis(), Map.of("users:", floor), first.version()), LIMIT);
            Roll heard = other.beat(beat("other", -1, Map.of(), 0), LIMIT);
            assertEquals(Map.of("users:", floor), heard.floors());
            assertEquals(1_000, heard.paceMillis());
            Roll known = other.beat(beat("other", heard.serverMillis(), Map.of(), heard.version()), LIMIT);
            assertEquals(Map.of(), known.floors(), "it knows them");

            one.put("k", new byte[] {1}, Duration.ofMinutes(1));
            assertEquals(1, one.removeByPrefix(""), "the roll is left alone");
            assertEquals(
                    heard.version(),
                    one.beat(beat("one", known.serverMillis(), Map.of(), 0), LIMIT)
                            .version());
        }
    }
}
