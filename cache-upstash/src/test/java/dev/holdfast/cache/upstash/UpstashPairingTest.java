package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Each value names its key. Whatever happens to connections and answers, nobody gets the value of another key, and nothing but a
 * {@link CacheException} leaves the store.
 */
class UpstashPairingTest {
    private static final int CALLERS = 8;
    private static final int CALLS = Integer.getInteger("holdfast.pairing.calls", 33_600);
    private static final int REQUESTS_PER_FAULT = 20;
    private static final int KEYS = 40;
    private static final int ROUNDS = 4;
    private static final Duration TTL = Duration.ofMinutes(10);
    private static final String ROGUE = "{\"result\":\"cm9ndWU=\"}";

    private final long seed = Long.getLong("holdfast.pairing.seed", System.nanoTime());
    private final LongAdder answers = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final LongAdder wrong = new LongAdder();
    private final AtomicBoolean ended = new AtomicBoolean();
    private String padding = "";

    @Test
    void noCallerGetsWhatWasMeantForAnother() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(CALLERS + 1);
        try (GatewayUnderTest server = new GatewayUnderTest();
                UpstashStore store =
                        UpstashStore.create(server.config("pairing").withMaxConnections(4))) {
            IntStream.range(0, KEYS).forEach(i -> store.put("k" + i, value("k" + i), TTL));
            Future<?> spoiler = threads.submit(() -> spoil(server, store));
            List<Future<?>> callers = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                Random random = new Random(seed + i);
                callers.add(threads.submit(() -> call(store, random)));
            }
            for (Future<?> caller : callers) {
                caller.get(5, TimeUnit.MINUTES);
            }
            ended.set(true);
            spoiler.get(1, TimeUnit.MINUTES);
            server.gateway.faults().clear();
            call(store, new Random(seed));
        } finally {
            threads.shutdownNow();
        }
        assertEquals(0, wrong.sum(), "wrong answers; seed " + seed);
        assertTrue(answers.sum() >= CALLS / 2, answers + " answers, " + failures + " failures; seed " + seed);
        assertTrue(failures.sum() > 0, "no call failed: nothing was spoilt");
    }

    /**
     * Callers that call one after the other find their connection idle each time, though its answers are those to the calls before. One request in four
     * has another shape, and no more than six come between two of them.
     */
    @ParameterizedTest
    @CsvSource({"0, 10, 10", "20000, 10, 10", "0, 5, 10", "0, 1, 10", "0, 0, 0"})
    void anAnswerTooManyThatComesWhileTheNextCallWaitsShiftsAFewCallsAtMost(int size, int seldom, int usual) {
        padding = "x".repeat(size);
        String rogue = "{\"result\":\"" + Base64.getEncoder().encodeToString(value("rogue")) + "\"}";
        AtomicInteger turns = new AtomicInteger();
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.builder("127.0.0.1:" + redis.port(), "token")
                        .onRequest(request -> rest(turns.getAndIncrement() % 6 == 0 ? seldom : usual))
                        .start();
                UpstashStore store = UpstashStore.create(UpstashConfig.of(gateway.url(), Secret.of("token")))) {
            IntStream.range(0, KEYS).forEach(i -> store.put("k" + i, value("k" + i), TTL));
            for (int round = 0; round < ROUNDS; round++) {
                gateway.faults().next(Fault.superfluousAnswer(Duration.ofMillis(usual / 3 + 2 * round), rogue));
                readAll(store);
            }
        }
        assertTrue(wrong.sum() <= ROUNDS * 7, wrong + " wrong answers");
        assertTrue(failures.sum() <= 2 * ROUNDS, failures + " failed reads");
    }

    private static void rest(int millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void readAll(UpstashStore store) {
        for (int i = 0; i < KEYS; i++) {
            try {
                check("k" + i, store.get("k" + i));
            } catch (CacheException e) {
                failures.increment();
            }
        }
    }

    private void call(UpstashStore store, Random random) {
        for (int i = 0; i < CALLS / CALLERS; i++) {
            String key = "k" + random.nextInt(KEYS);
            try {
                call(store, key, random.nextInt(20), random);
                answers.increment();
            } catch (CacheException e) {
                failures.increment();
                Thread.interrupted();
            }
        }
    }

    private void call(UpstashStore store, String key, int what, Random random) {
        switch (what) {
            case 0 -> store.put(key, value(key), TTL);
            case 1 -> store.putAll(Map.of(key, value(key), "other", value("other")), TTL);
            case 2 -> {
                Map<String, byte[]> found = new LinkedHashMap<>(store.getAll(List.of(key, "k1", "absent")));
                found.forEach(this::check);
                wrong.add(found.containsKey("absent") ? 1 : 0);
            }
            case 3 -> wrong.add(store.get("absent" + random.nextInt(5)) == null ? 0 : 1);
            case 4 -> wrong.add(store.contains("absent") ? 1 : 0);
            case 5 -> wrong.add(store.contains(key) ? 0 : 1);
            case 6 -> {
                // A call that is given up while its answer is on its way.
                Thread.currentThread().interrupt();
                check(key, store.get(key));
            }
            case 7 ->
                check(
                        key,
                        store.within(Duration.ofNanos(1 + random.nextInt(3_000_000)))
                                .get(key));
            default -> check(key, store.get(key));
        }
    }

    private void check(String key, byte[] found) {
        if (found == null || !new String(found, UTF_8).equals(new String(value(key), UTF_8))) {
            wrong.increment();
        }
    }

    private byte[] value(String key) {
        return ("value of " + key + padding).getBytes(UTF_8);
    }

    private void spoil(GatewayUnderTest server, UpstashStore store) {
        Random random = new Random(seed - 1);
        // By requests and not by time: where connections break, callers share requests, and send fewer.
        for (long due = 0; !ended.get(); ) {
            if (server.gateway.requests() >= due) {
                due = server.gateway.requests() + REQUESTS_PER_FAULT;
                server.gateway.faults().next(fault(random));
                if (random.nextInt(40) == 0) {
                    store.disconnect(new IllegalStateException("a test"));
                }
            }
            rest(1);
        }
    }

    private static Fault fault(Random random) {
        return switch (random.nextInt(9)) {
            case 0 -> Fault.resetBefore();
            case 1 -> Fault.resetAfter();
            case 2 -> Fault.truncatedBody();
            case 3 -> Fault.html(random.nextBoolean() ? 502 : 200);
            case 4 -> Fault.garbageBase64();
            case 5 -> Fault.wrongArrayLength(random.nextInt(3) - 1);
            case 6 -> Fault.delay(Duration.ofMillis(random.nextInt(5)));
            default -> Fault.superfluousAnswer(Duration.ZERO, ROGUE);
        };
    }
}
