package dev.holdfast.cache.validation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What decides without a server. */
class PartsTest {
    private static final String NODES = """
            a1 10.0.0.1:6379@16379,one.example myself,master - 0 0 1 connected 0-5460
            b1 10.0.0.2:6379@16379 master - 0 0 2 connected 5461-10922 [5461->-c1]
            c1 10.0.0.3:6379@16379 master,fail - 0 0 3 disconnected 10923-16383
            a2 10.0.0.4:6379@16379 slave a1 0 0 1 connected
            b2 10.0.0.5:6379@16379 slave,fail? b1 0 0 2 connected
            """;

    @Test
    void aClusterIsReadFromWhatANodeSays() {
        ClusterNodes cluster = ClusterNodes.parse(
                NODES,
                List.of(
                        List.of(0L, 5460L, List.of("one.example", 6379L, "a1"), List.of("?", 6379L, "a2")),
                        List.of(5461L, 10922L, List.of("10.0.0.2", 6379L, "b1"))));
        assertEquals(3, cluster.masters().size());
        assertEquals(10_923, cluster.served());
        assertEquals(
                List.of("b1", "c1"),
                cluster.alone().stream().map(ClusterNodes.Node::id).toList());
        assertEquals("one.example", cluster.nodes().get(0).host());
        assertEquals("10.0.0.4", cluster.nodes().get(3).host(), "as long as it does not know its name");
        assertEquals(
                "10.0.0.1", ClusterNodes.parse(NODES, List.of()).nodes().get(0).host());
        List<Result> results = ClusterChecks.of(cluster);
        assertEquals(
                List.of(Mark.FAILED, Mark.FAILED, Mark.OK),
                results.stream().map(Result::mark).toList(),
                results.toString());
        assertEquals(0, ClusterNodes.parse("", List.of()).served());
    }

    @Test
    void memoryIsJudgedByBoundAndPolicy() {
        Target target = Targets.of("single", new Environment(Map.of("REDIS_URL", "redis://h:1")).settings())
                .get(0);
        assertEquals(Mark.OK, judged(target, "used_memory:5\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n"));
        assertEquals(Mark.WARNING, judged(target, "used_memory:5\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\n"));
        assertEquals(Mark.WARNING, judged(target, "used_memory:5\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"));
        assertEquals(Mark.OK, judged(target, "used_memory:5\r\n"));
    }

    private static Mark judged(Target target, String info) {
        return Memory.parse(info).judged("memory", target).mark();
    }

    @Test
    void secretsAreHiddenWhereverTheyStand() {
        Secrets secrets = new Secrets(Map.of(
                "REDIS_URL", "redis://app:p%40ssword@h:1",
                "REDIS_CLUSTER_PASSWORD", "another",
                "REDIS_ALERT_WEBHOOK_URL", "https://hooks.example/T1/B2",
                "UPSTASH_REDIS_REST_TOKEN", "AX_token"));
        assertEquals(
                "*** *** *** *** *** app",
                secrets.hidden("p%40ssword p@ssword another https://hooks.example/T1/B2 AX_token app"));
    }

    @Test
    void aSecretOfASentinelsUrlOrOfAFileIsHiddenAndThePathIsNot(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("secret"), "from-a-file\n");
        Secrets secrets = new Secrets(Map.of(
                "REDIS_URL", "redis-sentinel://app:of-the-url@h:1/master", "REDIS_CLUSTER_PASSWORD_FILE", "" + file));
        assertEquals("*** *** " + file, secrets.hidden("of-the-url from-a-file " + file));
    }

    @Test
    void limitsAndDatabaseOfATargetAreThoseOfItsTier() {
        Target cluster = Targets.of(
                        "cluster",
                        new Environment(Map.of(
                                        "REDIS_CLUSTER_NODES", "h:1",
                                        "REDIS_CLUSTER_COMMAND_TIMEOUT", "70",
                                        "REDIS_COMMAND_TIMEOUT", "80"))
                                .settings())
                .get(0);
        assertEquals(70, cluster.command().toMillis());
        Target single = Targets.of(
                        "single", new Environment(Map.of("REDIS_URL", "redis://h:1/3?timeout=90ms")).settings())
                .get(0);
        assertEquals(90, single.command().toMillis());
        assertEquals(3, single.database());
    }

    @Test
    void tiersAreThoseThatAreConfiguredInTheirOrder() {
        Environment all = new Environment(Map.of(
                "REDIS_CLUSTER_ENABLED", "true",
                "REDIS_CLUSTER_NODES", "h:1",
                "REDIS_HOST", "h",
                "KV_REST_API_URL", "https://h"));
        assertEquals(List.of("cluster", "single", "upstash"), all.tiers());
        assertEquals(
                List.of("cluster"),
                new Environment(Map.of(
                                "REDIS_CLUSTER_ENABLED", "true",
                                "REDIS_CLUSTER_NODES", "h:1",
                                "REDIS_HOST", "h",
                                "REDIS_FALLBACK_TO_SINGLE", "false"))
                        .tiers());
        assertEquals(List.of("cluster"), tiers("REDIS_CLUSTER_NODES", "h:1"));
        assertEquals(
                List.of(),
                new Environment(Map.of("REDIS_CLUSTER_NODES", "h:1", "REDIS_CLUSTER_ENABLED", "false")).tiers());
        assertEquals(List.of("upstash"), tiers("UPSTASH_REDIS_REST_TOKEN_FILE", "/run/secrets/token"));
        assertEquals(List.of("upstash"), tiers("KV_REST_API_TOKEN_FILE", "/run/secrets/token"));
        assertEquals(List.of("single"), new Environment(Map.of("CACHE_TIERS", "single,memory")).tiers());
        assertTrue(all.keyPrefix().matches("#validate:[0-9a-f-]{36}:"), all.keyPrefix());
        assertTrue(
                new Environment(Map.of("REDIS_KEY_PREFIX", "app")).keyPrefix().startsWith("app:#validate:"));
    }

    private static List<String> tiers(String name, String value) {
        return new Environment(Map.of(name, value)).tiers();
    }

    @Test
    void theVerdictCountsWhatFailedAndWhatIsWarnedOf() {
        assertEquals("PRODUCTION READY - Excellent", new Report(List.of(Result.ok("a", "b"))).verdict());
        assertEquals(
                "PRODUCTION READY - Good",
                new Report(List.of(Result.ok("a", "b"), Result.warning("c", "d", "e"))).verdict());
        Report bad = new Report(List.of(Result.failed("a", "b", "c"), Result.skipped("d", "e")));
        assertEquals("NOT READY: 1 checks failed", bad.verdict());
        assertEquals(1, bad.exitCode());
        assertFalse(bad.ready());
        assertEquals("FAIL  a                     b  -> c", bad.results().get(0).line());
    }
}
