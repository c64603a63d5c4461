package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class GatewayConcurrencyTest extends GatewayFixture {
    private static final int CLIENTS = 24;
    private static final int ROUNDS = 50;

    @Test
    void concurrentTransactionsNeverMix() throws Exception {
        restartGateway(settings -> settings.redisConnections(4));
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        try {
            List<Future<?>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                int id = i;
                clients.add(threads.submit(() -> {
                    runClient(id);
                    return null;
                }));
            }
            for (Future<?> client : clients) {
                client.get();
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(CLIENTS * ROUNDS * 2L, gateway.executed("INCR"));
        assertEquals(String.valueOf(CLIENTS * ROUNDS), redis.command("GET", "shared"));
    }

    private void runClient(int id) throws IOException {
        try (WireClient client = new WireClient(gateway.port())) {
            String own = "own" + id;
            for (int round = 1; round <= ROUNDS; round++) {
                String body = "[[\"set\",\"k\",\"" + id + "\"],[\"incr\",\"" + own
                        + "\"],[\"incr\",\"shared\"],[\"get\",\"k\"]]";
                client.write("POST", "/multi-exec", body.getBytes(UTF_8), BEARER);
                String answer = client.answer().body();
                String expected =
                        "[{\"result\":\"OK\"},{\"result\":" + round + "},{\"result\":N},{\"result\":\"" + id + "\"}]";
                assertEquals(
                        expected, answer.replaceFirst("(\\{\"result\":\\d+},)\\{\"result\":\\d+}", "$1{\"result\":N}"));
                client.write("POST", "/", ("[\"get\",\"" + own + "\"]").getBytes(UTF_8), BEARER);
                assertEquals("{\"result\":\"" + round + "\"}", client.answer().body());
            }
        }
    }

    @Test
    void eachWriteHasASyncTokenOfItsOwn() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        Set<String> tokens = ConcurrentHashMap.newKeySet();
        try {
            List<Future<?>> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                clients.add(threads.submit(() -> {
                    try (WireClient client = new WireClient(gateway.port())) {
                        for (int round = 0; round < ROUNDS; round++) {
                            client.write("GET", "/set/k/v", new byte[0], BEARER);
                            tokens.add(client.answer().headers().get("upstash-sync-token"));
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> client : clients) {
                client.get();
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(CLIENTS * ROUNDS, tokens.size());
    }

    @Test
    void settingsAndArgumentsAreChecked() {
        assertThrows(IllegalArgumentException.class, () -> UpstashGateway.builder("nowhere", "t"));
        assertThrows(IllegalArgumentException.class, () -> UpstashGateway.builder("127.0.0.1:1", " "));
        assertThrows(IllegalArgumentException.class, () -> builder().port(70_000));
        assertThrows(IllegalArgumentException.class, () -> builder().maxRequestBytes(0));
        assertThrows(IllegalArgumentException.class, () -> UpstashGateway.fromArguments("--redis", "a:1", "--token"));
        assertThrows(IllegalArgumentException.class, () -> UpstashGateway.fromArguments("--token", "t", "--port", "1"));
        assertThrows(UncheckedIOException.class, () -> UpstashGateway.start("127.0.0.1:" + Ports.free(), "t"));
    }

    @Test
    void aPasswordOfRedisIsUsed() throws IOException {
        try (RedisServer locked = RedisServer.builder().password("pass").start()) {
            String address = locked.host() + ":" + locked.port();
            try (UpstashGateway front = UpstashGateway.fromArguments(
                            "--redis", address, "--token", "t", "--port", "0", "--redis-password", "pass")
                    .start()) {
                assertEquals(
                        "200 {\"result\":\"PONG\"}",
                        WireClient.send(front.port(), "GET", "/ping?_token=t", new byte[0])
                                .toString());
            }
            assertThrows(UncheckedIOException.class, () -> UpstashGateway.start(address, "t"));
        }
    }
}
