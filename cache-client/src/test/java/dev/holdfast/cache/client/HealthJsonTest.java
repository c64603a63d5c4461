package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheHealth.Status;
import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.Latency;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.OperationStats;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.TierHealth;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class HealthJsonTest {
    private static final Instant START = Instant.parse("2024-10-24T11:00:00Z");
    private static final Instant NOW = Instant.parse("2024-10-24T12:00:00Z");
    private static final Latency LATENCY = new Latency(1500, 12_500, 900, 41_250.5, 80_000, 120_000);
    private static final OperationStats WORK = new OperationStats(1500, 15, LATENCY);

    private static final StoreHealth CLUSTER = StoreHealth.of("redis-cluster", true, START)
            .withAvailable(true)
            .withOperations(WORK)
            .withPool(new PoolHealth(15, 15, 15, 0, 0, 0))
            .withNodes(IntStream.rangeClosed(1, 3)
                    .mapToObj(i -> new NodeHealth(
                            "redis" + i + ".example.com:6379",
                            "master",
                            HealthState.UP,
                            0,
                            NOW,
                            new PoolHealth(5, 5, 5, 0, 0, 0),
                            5461))
                    .toList());
    private static final StoreHealth MEMORY =
            StoreHealth.of("in-memory", false, START).withAvailable(true);

    private static TierHealth tier(String name, TierHealth.State state, boolean serving, StoreHealth store) {
        return new TierHealth(name, state, serving, START, null, 0, null, null, 0, 0, 0, false, null, store);
    }

    private static CacheHealth health(TierHealth... tiers) {
        StoreHealth composite = StoreHealth.of("any", true, START).withTiers(List.of(tiers));
        return new HealthReport("unused", null, START).of(composite, List.of(), NOW);
    }

    private static final String CLUSTER_TIER = """
            {"name":"cluster","type":"redis-cluster","state":"closed","serving":true,"breaker":"closed","failureRate":0,\
            "since":"2024-10-24T11:00:00.000Z","reason":null,"lastFailure":null,"lastFailureAt":null,\
            "available":true,"readYourWrites":true,\
            "operations":{"total":1500,"successful":1485,"failed":15,"successRate":"99.00%","successRatio":0.99},\
            "latency":{"mean":12.5,"p50":0.9,"p99":41.251,"p999":80,"max":120},\
            "pool":{"max":15,"total":15,"active":15,"idle":0,"waiting":0,"exhausted":0,"failedDials":0},\
            "reconciliation":{"dirtyKeys":0,"dirtyPrefixes":0,"dirtyCounters":0,"overflowed":false},"notes":null}""";

    private static final String IDLE = """
            "operations":{"total":0,"successful":0,"failed":0,"successRate":null,"successRatio":null},\
            """;

    private static final String MEMORY_REST = """
            "since":"2024-10-24T11:00:00.000Z","reason":null,"lastFailure":null,"lastFailureAt":null,\
            "available":true,"readYourWrites":true,\
            "operations":{"total":0,"successful":0,"failed":0,"successRate":null,"successRatio":null},\
            "latency":{"mean":null,"p50":null,"p99":null,"p999":null,"max":null},\
            "pool":{"max":0,"total":0,"active":0,"idle":0,"waiting":0,"exhausted":0,"failedDials":0},\
            "reconciliation":{"dirtyKeys":0,"dirtyPrefixes":0,"dirtyCounters":0,"overflowed":false},"notes":null}""";

    @Test
    void aClusterHasTheShapeThatDashboardsRead() {
        String expected = """
                {"type":"redis-cluster","distributed":true,"status":"healthy",\
                "cluster":{"enabled":true,"totalNodes":3,"healthyNodes":3,"failedNodes":0,"unknownNodes":0,\
                "operations":{"total":1500,"successful":1485,"failed":15,"successRate":"99.00%","successRatio":0.99},\
                "performance":{"averageResponseTime":12.5,"uptime":3600000},\
                "connectionPool":{"totalConnections":15,"activeConnections":15,"idleConnections":0},\
                "nodes":[\
                {"address":"redis1.example.com:6379","healthy":true,"failureCount":0,\
                "lastHealthCheck":"2024-10-24T12:00:00.000Z","poolConnections":5},\
                {"address":"redis2.example.com:6379","healthy":true,"failureCount":0,\
                "lastHealthCheck":"2024-10-24T12:00:00.000Z","poolConnections":5},\
                {"address":"redis3.example.com:6379","healthy":true,"failureCount":0,\
                "lastHealthCheck":"2024-10-24T12:00:00.000Z","poolConnections":5}]},\
                "ready":true,"readYourWrites":true,"tiers":[""" + CLUSTER_TIER + "],\"notes\":null}";
        assertEquals(expected, HealthJson.write(health(tier("cluster", TierHealth.State.CLOSED, true, CLUSTER))));
    }

    @Test
    void memoryAloneHasItsFiguresAtTheTop() {
        String expected = """
                {"type":"in-memory","distributed":false,"status":"healthy",""" + IDLE + """
                "performance":{"averageResponseTime":null,"uptime":3600000},\
                "connectionPool":{"totalConnections":0,"activeConnections":0,"idleConnections":0},\
                "ready":true,"readYourWrites":true,\
                "tiers":[{"name":"memory","type":"in-memory","state":"closed","serving":true,"breaker":"closed","failureRate":0,""" + MEMORY_REST + "],\"notes\":null}";
        assertEquals(expected, HealthJson.write(new HealthReport("memory", null, START).of(MEMORY, List.of(), NOW)));
    }

    @Test
    void aLostTierSaysWhyAndWhatWaitsForIt() {
        TierHealth lost = new TierHealth(
                "single",
                TierHealth.State.OPEN,
                false,
                NOW,
                TierHealth.Reason.FROZEN,
                0.15,
                "127.0.0.1:6379: \"no\" answer\n\u0001",
                NOW,
                17,
                1,
                2,
                true,
                "wentBack",
                StoreHealth.of("native-redis", true, START)
                        .withAvailable(false)
                        .withReadYourWrites(false)
                        .withPool(new PoolHealth(5, 2, 1, 3, 9, 7)));
        String json = HealthJson.write(health(lost, tier("memory", TierHealth.State.CLOSED, true, MEMORY)));
        assertTrue(json.contains("""
                        {"name":"single","type":"native-redis","state":"open","serving":false,"breaker":"open","failureRate":0.15,\
                        "since":"2024-10-24T12:00:00.000Z","reason":"frozen",\
                        "lastFailure":"127.0.0.1:6379: \\"no\\" answer??",\
                        "lastFailureAt":"2024-10-24T12:00:00.000Z","available":false,"readYourWrites":false,\
                        "operations":{"total":0,"successful":0,"failed":0,"successRate":null,"successRatio":null},\
                        "latency":{"mean":null,"p50":null,"p99":null,"p999":null,"max":null},\
                        "pool":{"max":5,"total":2,"active":1,"idle":1,"waiting":3,"exhausted":9,"failedDials":7},\
                        "reconciliation":{"dirtyKeys":17,"dirtyPrefixes":1,"dirtyCounters":2,"overflowed":true},\
                        "notes":"wentBack"}"""), json);
        assertTrue(json.startsWith("{\"type\":\"in-memory\",\"distributed\":false,\"status\":\"critical\","), json);
    }

    @Test
    void aClusterThatIsNotServingIsShownBesideTheFiguresOfTheTierThatIs() {
        StoreHealth single = StoreHealth.of("native-redis", true, START);
        CacheHealth health = health(
                tier("cluster", TierHealth.State.RECOVERING, false, CLUSTER),
                tier("single", TierHealth.State.CLOSED, true, single));
        String json = HealthJson.write(health);
        assertTrue(json.contains("\"cluster\":{\"enabled\":true"), json);
        assertTrue(json.contains("]}," + IDLE), json);
        assertTrue(json.contains("\"state\":\"recovering\",\"serving\":false,\"breaker\":\"recovering\""), json);
        assertEquals(Status.DEGRADED, health.status());
    }

    @Test
    void theStatusIsThatOfTheTierThatAnswers() {
        StoreHealth single = StoreHealth.of("native-redis", true, START);
        TierHealth up = tier("single", TierHealth.State.CLOSED, true, single);
        TierHealth down = tier("single", TierHealth.State.OPEN, false, single);
        assertEquals(
                Status.HEALTHY,
                health(up, tier("memory", TierHealth.State.CLOSED, false, MEMORY))
                        .status());
        assertEquals(
                Status.CRITICAL,
                health(down, tier("memory", TierHealth.State.CLOSED, true, MEMORY))
                        .status());
        assertEquals(
                Status.HEALTHY,
                new HealthReport("memory", null, START)
                        .of(MEMORY, List.of(), NOW)
                        .status());
        assertEquals(
                Status.DISABLED,
                new HealthReport("memory", "CACHE_ENABLED", START)
                        .of(MEMORY, List.of(), NOW)
                        .status());
        CacheHealth nothing = health(down);
        assertEquals(Status.CRITICAL, nothing.status());
        assertFalse(nothing.ready());
        assertEquals("native-redis", nothing.type());
    }

    @Test
    void aTierThatWaitsForItsTurnIsClosedAndDoesNotServe() {
        StoreHealth single = StoreHealth.of("native-redis", true, START);
        String json = HealthJson.write(health(
                tier("single", TierHealth.State.CLOSED, true, single),
                tier("memory", TierHealth.State.CLOSED, false, MEMORY)));
        assertTrue(
                json.contains("\"name\":\"memory\",\"type\":\"in-memory\",\"state\":\"closed\",\"serving\":false"),
                json);
    }

    /** In JSON, the record, JMX and metrics: whoever has found it in one of them finds it in the others. */
    @Test
    void theWordsOfATierAreThoseOfTheRecord() {
        for (TierHealth.State state : TierHealth.State.values()) {
            String word = state.name().toLowerCase(Locale.ROOT);
            String json = HealthJson.write(health(tier("memory", state, false, MEMORY)));
            assertTrue(json.contains("\"state\":\"" + word + "\",\"serving\":false,\"breaker\":\"" + word + '"'), json);
        }
    }

    @Test
    void aRatioIsOneOnlyIfNothingFailed() {
        StoreHealth store = StoreHealth.of("native-redis", true, START)
                .withOperations(new OperationStats(3_000_000, 1, Latency.NONE));
        String json = HealthJson.write(health(tier("single", TierHealth.State.CLOSED, true, store)));
        assertTrue(json.contains("\"successRate\":\"100.00%\",\"successRatio\":0.999999}"), json);
    }

    @Test
    void whatAStoreSaysOfAFailureIsOneLineOfBoundedLength() {
        TierHealth lost = new TierHealth(
                "own",
                TierHealth.State.OPEN,
                false,
                NOW,
                TierHealth.Reason.FAILURES,
                1,
                "\u001B[31mforged\nline" + "x".repeat(10 << 20),
                NOW,
                0,
                0,
                0,
                false,
                "note\r\nforged",
                MEMORY);
        CacheHealth health = health(lost);
        String shown = health.tiers().get(0).lastFailure();
        assertTrue(shown.length() < 1_100 && shown.chars().noneMatch(Character::isISOControl), shown);
        assertEquals("note??forged", health.tiers().get(0).notes());
        assertTrue(HealthJson.write(health).length() < 4_000);
    }
}
