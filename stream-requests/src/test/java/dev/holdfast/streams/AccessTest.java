package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A user of Redis that may do what the document says, and nothing else. */
@Execution(ExecutionMode.CONCURRENT)
class AccessTest extends Fixture {
    private static final Pattern QUOTED = Pattern.compile("`([A-Z|]+)`");

    private String rules() throws IOException {
        String document = Files.readString(Path.of("..", "docs", "streams.md"));
        String listed = document.substring(document.indexOf("Commands used: "));
        listed = listed.substring(0, listed.indexOf("\n\n"));
        String commands = QUOTED.matcher(listed)
                .results()
                .map(command -> "+" + command.group(1).toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(" "));
        assertTrue(commands.startsWith("+evalsha +eval "), commands);
        return "resetkeys ~{" + name + "}* ~{" + name + "/* -@all " + commands;
    }

    private void allow(RedisServer server) throws IOException {
        List<String> command = new ArrayList<>(List.of("ACL", "SETUSER", "app", "on", ">pw"));
        command.addAll(List.of(rules().split(" ")));
        server.command(command.toArray(String[]::new));
    }

    @Test
    void theCommandsInTheDocumentAreAllThatOneRedisNeeds() throws Exception {
        try (RedisServer own =
                RedisServer.builder().persistence(RedisServer.Persistence.NONE).start()) {
            allow(own);
            for (int database : new int[] {0, 1}) {
                works(StreamsConfig.single("redis://app:pw@127.0.0.1:" + own.port() + "/" + database));
            }
            assertEquals(List.of(), own.command("ACL", "LOG"));
        }
    }

    @Test
    void theCommandsInTheDocumentAreAllThatAClusterNeeds() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            for (RedisServer node : cluster.nodes()) {
                allow(node);
            }
            works(StreamsConfig.cluster(Arrays.asList(cluster.seeds().split(",")))
                    .withUsername("app")
                    .withPassword(Secret.of("pw"))
                    .withPartitions(4));
            for (RedisServer node : cluster.nodes()) {
                assertEquals(List.of(), node.command("ACL", "LOG"));
            }
        }
    }

    @Test
    void theCommandsInTheDocumentAreAllThatAMovingSlotNeeds() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            for (RedisServer node : cluster.nodes()) {
                allow(node);
            }
            StreamsConfig config = StreamsConfig.cluster(
                            Arrays.asList(cluster.seeds().split(",")))
                    .withName(name)
                    .withGrace(Duration.ZERO)
                    .withUsername("app")
                    .withPassword(Secret.of("pw"));
            Gate gate = new Gate();
            RequestServer server = server(config, 1, gate);
            CompletableFuture<byte[]> call = client(config).call("x", bytes("x"), LIMIT);
            until("it to be under way", () -> gate.begun.get() == 1);
            String replies = "{" + name + "/replies/*";
            RedisServer from = cluster.masters().stream()
                    .filter(master -> !((List<?>) master.command("KEYS", replies)).isEmpty())
                    .findFirst()
                    .orElseThrow();
            RedisServer to = cluster.masters().stream()
                    .filter(master -> master != from)
                    .findFirst()
                    .orElseThrow();
            String key = String.valueOf(((List<?>) from.command("KEYS", replies)).get(0));
            String slot = String.valueOf(RedisCluster.slotOf(key));
            to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", String.valueOf(from.command("CLUSTER", "MYID")));
            from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", String.valueOf(to.command("CLUSTER", "MYID")));
            from.command("MIGRATE", "127.0.0.1", String.valueOf(to.port()), key, "0", "5000");
            gate.open.countDown();
            assertEquals("x", text(call.get(20, TimeUnit.SECONDS)));
            assertEquals(0, server.health().orphans());
            for (RedisServer node : cluster.nodes()) {
                assertEquals(List.of(), node.command("ACL", "LOG"));
            }
        }
    }

    /** A whole life: answers, a dead letter, beats and tidying, figures, and the end. */
    private void works(StreamsConfig at) throws Exception {
        StreamsConfig config =
                at.withName(name).withClaimIdle(Duration.ofMillis(300)).withGrace(Duration.ofSeconds(5));
        try (RequestServer server = RequestServer.start(config, 2, request -> {
                    if (request.id().startsWith("bad")) {
                        throw new IllegalStateException("no");
                    }
                    return request.payload();
                });
                RequestClient client = RequestClient.connect(config)) {
            for (int i = 0; i < 8; i++) {
                assertEquals("x", text(client.callAndWait("good" + i, bytes("x"), LIMIT)));
            }
            assertThrows(RequestFailedException.class, () -> client.callAndWait("bad", bytes("x"), LIMIT));
            Thread.sleep(1_500);
            assertEquals(1, client.queue().deadLetters());
            assertEquals(Optional.empty(), server.health().trouble());
            assertEquals(Optional.empty(), client.health().trouble());
        }
    }
}
