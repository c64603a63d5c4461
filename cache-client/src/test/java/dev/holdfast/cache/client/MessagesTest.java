package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheEvent.StoreFailed;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.memory.MemoryStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** What our messages quote of others is short, one line, and never what a loader, a codec or a store said. */
class MessagesTest extends EngineFixture {
    private static final String SAID = "secret\nWARN forged" + "x".repeat(10_000);
    private static final String KEY = "k\nWARN forged" + "y".repeat(100_000);

    private final CacheEngine<String, String> cache = open(CachePolicy.of(MINUTE));

    private static void assertFit(String message) {
        assertTrue(message.length() < 600, () -> message.length() + " characters");
        assertFalse(message.contains("\n"), message);
        assertFalse(message.contains("secret"), message);
    }

    @Test
    void aLoadersFailureIsNamedByItsTypeAndIsTheCause() {
        IOException failure = new IOException(SAID);
        CacheLoadException e = assertThrows(
                CacheLoadException.class,
                () -> cache.get(KEY, key -> {
                    throw failure;
                }));
        assertFit(e.getMessage());
        assertTrue(e.getMessage().endsWith("failed: java.io.IOException"), e.getMessage());
        assertSame(failure, e.getCause());
    }

    @Test
    void aLoadThatDoesNotEndInTimeIsSaidOfItsKeyInShort() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        Future<CacheLoadException> hung = start(() -> assertThrows(
                CacheLoadException.class,
                () -> cache.get(KEY, key -> {
                    loading.countDown();
                    new CountDownLatch(1).await();
                    return "never";
                })));
        await(loading);
        CachePolicy impatient = CachePolicy.of(MINUTE)
                .withLoadTimeout(cache.policy().loadTimeout().dividedBy(2));
        Future<CacheLoadException> late = start(
                () -> assertThrows(CacheLoadException.class, () -> cache.get(KEY, key -> "not called", impatient)));
        until("one joined", () -> cache.stats().joins() == 1);
        time.advance(impatient.loadTimeout());
        assertFit(result(late).getMessage());
        time.advance(cache.policy().loadTimeout());
        assertFit(result(hung).getMessage());
    }

    @Test
    void whoIsInterruptedReadsItsKeyInShort() throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        AtomicReference<Thread> loader = new AtomicReference<>();
        Future<CacheInterruptedException> loads = start(() -> {
            loader.set(Thread.currentThread());
            return assertThrows(
                    CacheInterruptedException.class,
                    () -> cache.get(KEY, key -> {
                        loading.countDown();
                        new CountDownLatch(1).await();
                        return "never";
                    }));
        });
        await(loading);
        AtomicReference<Thread> waiter = new AtomicReference<>();
        Future<CacheInterruptedException> waits = start(() -> {
            waiter.set(Thread.currentThread());
            return assertThrows(CacheInterruptedException.class, () -> cache.get(KEY, key -> "not called"));
        });
        until("one waits", () -> cache.stats().joins() == 1);
        waiter.get().interrupt();
        assertFit(result(waits).getMessage());
        loader.get().interrupt();
        assertFit(result(loads).getMessage());
    }

    @Test
    void aLoaderThatAsksForItsOwnKeyReadsItInShort() {
        assertFit(assertThrows(
                        IllegalStateException.class, () -> cache.get(KEY, key -> cache.get(KEY, again -> "not called")))
                .getMessage());
    }

    @Test
    void whatAListenerIsToldOfACodecAndAStoreIsTheirTypesName() {
        List<CacheException> told = new CopyOnWriteArrayList<>();
        try (EngineServices listening = services(StoreFailed.class, event -> told.add(event.cause()))) {
            store.before = operation -> {
                if (operation.equals("fill")) {
                    throw new IllegalArgumentException(SAID);
                }
            };
            assertEquals("v", open("c", CachePolicy.of(MINUTE), listening).get("k", key -> "v"));
            until("the listener was told of the store", () -> told.size() == 1);
            assertEquals(
                    "v",
                    EngineFixture.engine("codec", store, Function.identity(), failing(), cache.policy(), listening)
                            .get("k", key -> "v"));
            until("the listener was told of the codec", () -> told.size() == 2);
            told.forEach(each -> assertFit(each.getMessage()));
        }
    }

    private static Codec<String> failing() {
        return new Codec<>() {
            @Override
            public byte[] encode(String value) {
                throw new NoClassDefFoundError(SAID);
            }

            @Override
            public String decode(byte[] bytes) {
                throw new NoClassDefFoundError(SAID);
            }

            @Override
            public String toString() {
                return SAID;
            }
        };
    }

    @Test
    void aCacheThatIsOpenWithOtherArgumentsNamesThemInShort() {
        try (CacheClient client = CacheClient.builder().build()) {
            client.cache("c", String.class, String.class)
                    .keys(Function.<String>identity())
                    .codec(failing())
                    .build();
            IllegalStateException e =
                    assertThrows(IllegalStateException.class, () -> client.cache("c", String.class, String.class)
                            .keys(Function.<String>identity())
                            .codec(failing())
                            .build());
            assertFalse(e.getMessage().contains("\n"), e.getMessage());
            assertTrue(e.getMessage().length() < 2_000, () -> e.getMessage().length() + " characters");
        }
    }

    @Test
    void theMemoryThatCantIncrementNamesItsKeyInShort() {
        try (MemoryStore memory = MemoryStore.create(8 << 20)) {
            memory.put(KEY, new byte[] {'x'}, MINUTE);
            assertFit(assertThrows(CacheRejectedException.class, () -> memory.increment(KEY, 1, MINUTE))
                    .getMessage());
            memory.put(KEY, Long.toString(Long.MAX_VALUE).getBytes(StandardCharsets.US_ASCII), MINUTE);
            assertFit(assertThrows(CacheRejectedException.class, () -> memory.increment(KEY, 1, MINUTE))
                    .getMessage());
        }
    }

    @Test
    void aCounterThatATierRefusesIsNamedInShortInTheLog() {
        MemoryStore server = MemoryStore.create(8 << 20);
        PrintStream console = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
        try (CacheClient client = CacheClient.builder()
                .tier("first", server)
                .memory(() -> MemoryStore.create(8 << 20))
                .build()) {
            client.forceFailover("first");
            assertEquals(1, client.counter(KEY).ttl(MINUTE).build().increment(1));
            server.put(CacheClient.COUNTERS + KEY, new byte[] {'x'}, MINUTE);
            client.forceFailback();
            until("it is back", () -> client.health().status() == CacheHealth.Status.HEALTHY);
        } finally {
            System.setErr(console);
        }
        String said = log.toString(StandardCharsets.UTF_8);
        assertTrue(said.contains("refused what was added to counter"), said);
        assertFalse(said.contains("\nWARN forged"), said);
        said.lines().forEach(line -> assertTrue(line.length() < 1_000, line));
    }
}
