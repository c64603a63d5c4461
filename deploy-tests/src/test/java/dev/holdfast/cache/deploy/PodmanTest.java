package dev.holdfast.cache.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@code mvn -Ppodman verify}: the Compose files as docker-compose reads them, the cluster that they make, and what pods run beside the application,
 * in containers. Where the image of Redis can't be had, one is made that has this machine's.
 */
@Tag("podman")
@Timeout(300)
class PodmanTest {
    private static final Path COMPOSE =
            Yamls.DEPLOY.resolve("compose").toAbsolutePath().normalize();
    private static final String FILE = "redis-cluster-docker-compose.yml";

    @TempDir
    static Path dir;

    private static Podman podman;

    @BeforeAll
    static void start() throws IOException {
        podman = new Podman(dir);
    }

    @AfterAll
    static void stop() {
        podman.close();
    }

    private static void await(String what, BooleanSupplier seen) {
        long end = System.nanoTime() + Duration.ofSeconds(90).toNanos();
        while (!seen.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, "waited for " + what);
            LockSupport.parkNanos(200_000_000);
        }
    }

    private static Shell.Output compose(String... arguments) {
        List<String> command = new ArrayList<>(List.of("docker-compose", "-f"));
        command.addAll(List.of(arguments));
        return Shell.run(COMPOSE, command, podman.environment());
    }

    @ParameterizedTest
    @ValueSource(strings = {FILE, "docker-compose.dev.yml", "docker-compose.yml"})
    void composeFilesAreValid(String file) {
        compose(file, "config", "--quiet").mustEndWith(0);
    }

    @Test
    void theClusterOfTheComposeFileServesAClientOfThisMachineAndLeavesNothing() {
        try {
            compose(FILE, "up", "-d").mustEndWith(0);
            await(
                    "the setup",
                    () -> compose(FILE, "logs", "redis-cluster-setup").out().contains("the cluster is well"));
            Map<String, String> variables = Map.of(
                    "REDIS_CLUSTER_ENABLED", "true",
                    "REDIS_CLUSTER_NODES", "localhost:7001,localhost:7002,localhost:7003");
            try (CacheClient client = CacheClient.from(Settings.of(variables))) {
                Cache<String, String> cache =
                        client.cache("compose", String.class, String.class).build();
                for (int i = 0; i < 50; i++) {
                    cache.put("k" + i, "v" + i);
                    assertEquals("cluster", cache.lookup("k" + i).tier());
                }
                assertEquals("redis-cluster", client.health().type());
            }
            // A replica that has never had its master's data can't take its place.
            for (int port = 7004; port <= 7006; port++) {
                int replica = port;
                await("replica " + port, () -> ask(replica, "info", "replication")
                        .contains("master_link_status:up"));
            }
            compose(FILE, "kill", "redis-2").mustEndWith(0);
            await(
                    "an election",
                    () -> nodes().contains("fail")
                            && ask(7001, "cluster", "info").contains("cluster_slots_ok:16384"));
            compose(FILE, "start", "redis-2").mustEndWith(0);
            await(
                    "the node, as a replica",
                    () -> !nodes().contains("fail") && nodes().lines().count() == 6);
            // Once more: what is there is left as it is.
            compose(FILE, "up", "-d").mustEndWith(0);
            await(
                    "the setup",
                    () -> compose(FILE, "logs", "redis-cluster-setup").out().contains("nothing to do"));
        } finally {
            // Podman takes the network's owner away only when those that share it are gone.
            if (compose(FILE, "down").exit() != 0) {
                compose(FILE, "down").mustEndWith(0);
            }
        }
        assertEquals(
                "",
                podman.run("ps", "-aq", "--filter", "label=com.docker.compose.project=compose")
                        .out()
                        .strip());
    }

    private static String nodes() {
        return ask(7001, "cluster", "nodes");
    }

    private static String ask(int port, String... words) {
        List<String> command = new ArrayList<>(List.of("redis-cli", "-p", "" + port));
        command.addAll(List.of(words));
        return Shell.run(command, Map.of()).out();
    }

    @Test
    void theInitScriptMakesTheClusterOnceAndANodeWithAnotherAddressComesBack() throws IOException {
        Path files = config();
        podman.run("network", "create", "holdfast").mustEndWith(0);
        try {
            List<String> addresses = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                addresses.add(node(i, files));
            }
            assertTrue(init(addresses, files).contains("the cluster is well"), "made");
            String second = init(addresses, files);
            assertTrue(second.contains("nothing to do"), second);
            assertFalse(second.contains("create"), second);

            podman.run("rm", "-f", "holdfast-node-2").mustEndWith(0);
            // Somebody else has its address by then.
            podman.run("run", "-d", "--name", "holdfast-other", "--network", "holdfast", Podman.REDIS, "sleep", "600")
                    .mustEndWith(0);
            String moved = node(2, files);
            assertFalse(addresses.contains(moved), moved + " " + addresses);
            await("the node at its new address", () -> {
                String nodes = ask("holdfast-node-0", "cluster", "nodes");
                return nodes.contains(moved + ":6379")
                        && !nodes.contains("fail")
                        && nodes.lines().count() == 6;
            });
            await("all slots", () -> ask("holdfast-node-0", "cluster", "info").contains("cluster_state:ok"));
        } finally {
            removeNodes();
        }
    }

    /** Where an earlier run was ended: slots without the others, the others without replicas; and later a node whose disk was lost. */
    @Test
    void theInitScriptGoesOnFromWhereverAnEarlierOneWasEnded() throws IOException {
        Path files = config();
        podman.run("network", "create", "holdfast").mustEndWith(0);
        try {
            List<String> addresses = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                addresses.add(node(i, files));
            }
            ask("holdfast-node-0", "cluster", "addslotsrange", "0", "5460");
            String made = init(addresses, files);
            assertTrue(made.endsWith("the cluster is well\n"), made);
            assertEachMasterHasAReplica();

            for (int i = 3; i < 6; i++) {
                ask("holdfast-node-" + i, "cluster", "reset", "hard");
                for (int j = 0; j < 6; j++) {
                    ask("holdfast-node-" + j, "cluster", "meet", addresses.get(i), "6379");
                }
            }
            made = init(addresses, files);
            assertTrue(made.endsWith("the cluster is well\n"), made);
            assertEachMasterHasAReplica();

            podman.run("rm", "-f", "holdfast-node-4").mustEndWith(0);
            podman.run("volume", "rm", "holdfast-data-4").mustEndWith(0);
            addresses.set(4, node(4, files));
            made = init(addresses, files);
            assertTrue(made.endsWith("the cluster is well\n"), made);
            assertEachMasterHasAReplica();
            assertTrue(init(addresses, files).contains("nothing to do"));
        } finally {
            removeNodes();
        }
    }

    /** Those of these tests; somebody may have others. */
    private static void removeNodes() {
        for (int i = 0; i < 6; i++) {
            podman.run("rm", "-f", "holdfast-node-" + i);
            podman.run("volume", "rm", "-f", "holdfast-data-" + i);
        }
        podman.run("rm", "-f", "holdfast-other");
        podman.run("network", "rm", "holdfast");
    }

    private static void assertEachMasterHasAReplica() {
        List<String[]> nodes = ask("holdfast-node-0", "cluster", "nodes")
                .lines()
                .map(line -> line.split(" "))
                .toList();
        assertEquals(6, nodes.size());
        List<String> masters = nodes.stream()
                .filter(each -> each[2].contains("master"))
                .map(each -> each[0])
                .sorted()
                .toList();
        List<String> ofReplicas = nodes.stream()
                .filter(each -> each[2].contains("slave"))
                .map(each -> each[3])
                .sorted()
                .toList();
        assertEquals(3, masters.size());
        assertEquals(masters, ofReplicas);
    }

    /** The ConfigMap's files, in a folder. */
    private static Path config() throws IOException {
        Object config = Overlay.of("production").one("ConfigMap", "redis-cluster");
        Path files = Files.createDirectories(dir.resolve("config"));
        Files.writeString(files.resolve("redis.conf"), Yamls.text(config, "data", "redis.conf"));
        Files.writeString(files.resolve("init.sh"), Yamls.text(config, "data", "init.sh"));
        return files;
    }

    /** Starts a node on the data that it had, if any, and returns its address. */
    private static String node(int i, Path files) {
        String start =
                "exec redis-server /etc/redis/redis.conf --cluster-announce-ip $(hostname -i) --requirepass p --masterauth p";
        podman.run(
                        "run",
                        "-d",
                        "--name",
                        "holdfast-node-" + i,
                        "--network",
                        "holdfast",
                        "-v",
                        "holdfast-data-" + i + ":/data",
                        "-v",
                        files + ":/etc/redis:ro",
                        "-e",
                        "REDISCLI_AUTH=p",
                        Podman.REDIS,
                        "sh",
                        "-c",
                        start)
                .mustEndWith(0);
        return podman.run(
                        "inspect",
                        "-f",
                        "{{(index .NetworkSettings.Networks \"holdfast\").IPAddress}}",
                        "holdfast-node-" + i)
                .mustEndWith(0)
                .out()
                .strip();
    }

    private static String init(List<String> addresses, Path files) {
        List<String> command = new ArrayList<>(List.of("run", "--rm", "--network", "holdfast"));
        StringBuilder nodes = new StringBuilder();
        for (int i = 0; i < addresses.size(); i++) {
            String host = "redis-cluster-" + i + ".redis-cluster";
            command.add("--add-host=" + host + ":" + addresses.get(i));
            nodes.append(' ').append(host).append(":6379");
        }
        command.addAll(List.of(
                "-e",
                "NODES=" + nodes,
                "-e",
                "REDISCLI_AUTH=p",
                "-v",
                files + ":/etc/redis:ro",
                Podman.REDIS,
                "sh",
                "/etc/redis/init.sh"));
        return podman.run(command.toArray(String[]::new)).mustEndWith(0).out();
    }

    private static String ask(String node, String... words) {
        List<String> command = new ArrayList<>(List.of("exec", node, "redis-cli"));
        command.addAll(List.of(words));
        return podman.run(command.toArray(String[]::new)).out();
    }

    @Test
    void theWaitForRedisIsBounded() {
        Object init = Yamls.at(
                Overlay.of("production").one("Deployment", "cached-service"),
                "spec",
                "template",
                "spec",
                "initContainers",
                0);
        long start = System.nanoTime();
        Shell.Output waited = podman.run(
                        "run",
                        "--rm",
                        "-e",
                        "REDIS_HOST=127.0.0.1",
                        "-e",
                        "REDIS_PORT=6379",
                        "-e",
                        "WAIT_SECONDS=30",
                        Podman.REDIS,
                        "sh",
                        "-c",
                        Yamls.text(init, "command", 2))
                .mustEndWith(0);
        long seconds = (System.nanoTime() - start) / 1_000_000_000;
        assertTrue(waited.out().contains("going on without"), waited.out());
        assertTrue(seconds >= 29 && seconds < 55, seconds + " s");
    }
}
