package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheEvent.LoadFailed;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.ForwardingStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Each option of the builder does what it says. */
class CacheClientBuilderTest {
    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

    private static CacheClientBuilder overMemory() {
        return CacheClient.builder().memory(() -> MemoryStore.create(1 << 20));
    }

    /** Nobody listens at port 1. */
    private static SingleStore dead() {
        return SingleStore.of(SingleConfig.of("127.0.0.1", 1).withConnectTimeout(Duration.ofMillis(500)));
    }

    private String heard() throws InterruptedException {
        String event = told.poll(10, TimeUnit.SECONDS);
        assertNotNull(event, "nothing was told within 10 s");
        return event;
    }

    @Test
    void aNameCanForgeNoLineOfTheLog() {
        for (String name : List.of("shop\nWARN all is well", "shop\u001b[2J", "shop\u0085")) {
            IllegalArgumentException refused = assertThrows(
                    IllegalArgumentException.class, () -> CacheClient.builder().name(name));
            assertTrue(refused.getMessage().contains("control characters"), refused::getMessage);
        }
    }

    /** A call of it takes an hour, whatever its caller has left. */
    private static CacheStore stubborn() {
        return new ForwardingStore(MemoryStore.create(1 << 20)) {
            @Override
            public CacheStore within(Duration callBound) {
                return this;
            }

            @Override
            public Duration callBound() {
                return Duration.ofHours(1);
            }
        };
    }

    private static String refusalOf(CacheClientBuilder builder) {
        return assertThrows(CacheException.class, builder::build).getMessage();
    }

    /** By the method of who configured by code, by the variable of who set that, whichever of the two it was for this setting. */
    @Test
    void messagesNameASettingAsItWasGiven() {
        Settings hurried = Settings.of(Map.of("REDIS_FAILOVER_TIMEOUT", "100"));
        FailoverConfig hasty = FailoverConfig.DEFAULT.withFailoverTimeout(Duration.ofMillis(100));
        String rest = " and the time limits of the tiers' configurations)";
        assertTrue(refusalOf(overMemory().tier("slow", stubborn()).failover(hasty))
                .endsWith("(check FailoverConfig.withFailoverTimeout" + rest));
        assertTrue(refusalOf(overMemory().tier("slow", stubborn()).settings(hurried))
                .endsWith("(check REDIS_FAILOVER_TIMEOUT" + rest));
        assertTrue(refusalOf(
                        overMemory().tier("slow", stubborn()).settings(hurried).failover(hasty))
                .endsWith("(check FailoverConfig.withFailoverTimeout" + rest));

        assertTrue(refusalOf(CacheClient.builder().withoutMemory()).endsWith(": add a tier"));
        assertTrue(refusalOf(CacheClient.builder().withoutMemory().settings(Settings.of(Map.of())))
                .endsWith(": set REDIS_URL, or add a tier"));

        Settings strict = Settings.of(Map.of("CACHE_STRICT_START", "true"));
        assertTrue(refusalOf(overMemory().tier("dead", dead()).strictStart(true))
                .startsWith("strictStart(true) was asked for, and not every"));
        assertTrue(refusalOf(overMemory().tier("dead", dead()).settings(strict))
                .startsWith("CACHE_STRICT_START is true, and not every"));

        assertTrue(refusalOf(CacheClient.builder().tier("dead", dead()).withoutMemory())
                .startsWith("no tier answers, and withoutMemory() leaves memory out, which"));
        assertTrue(refusalOf(CacheClient.builder()
                        .settings(Settings.of(Map.of("REDIS_URL", "redis://127.0.0.1:1", "CACHE_TIERS", "single"))))
                .startsWith("no tier answers, and CACHE_TIERS leaves out memory, which"));
    }

    @Test
    void aTiersNameHoldsNoWhiteSpaceAndNoControlCharacters() {
        for (String name : List.of("", " ", "my tier", "far\nWARN all is well", "far\u001b[2J", "far\u0085", "far\t")) {
            for (Consumer<CacheClientBuilder> adding : List.<Consumer<CacheClientBuilder>>of(
                    builder -> builder.tier(name, SingleConfig.of("redis://127.0.0.1:1")),
                    builder -> builder.tier(name, MemoryStore.create(1 << 20)))) {
                IllegalArgumentException refused =
                        assertThrows(IllegalArgumentException.class, () -> adding.accept(CacheClient.builder()));
                assertTrue(
                        refused.getMessage().contains("must not be empty, nor hold white space or control characters"),
                        refused::getMessage);
                assertTrue(refused.getMessage().chars().noneMatch(Character::isISOControl), refused::getMessage);
            }
        }
        IllegalArgumentException twice = assertThrows(IllegalArgumentException.class, () -> CacheClient.builder()
                .tier("far", SingleConfig.of("redis://127.0.0.1:1"))
                .tier("far", SingleConfig.of("redis://127.0.0.1:2")));
        assertEquals("there is a tier \"far\" already: give each a name of its own", twice.getMessage());
    }

    /** As one from the environment is: what was sent there may be executed after a reset. */
    @Test
    void aTierAtASocketOfTheFileSystemIsBufferedByItself() {
        List<Tier> tiers = CacheClient.builder()
                .settings(Settings.of(Map.of()))
                .tier(SingleConfig.ofSocket(Path.of("/nobody/is/here.sock")))
                .tier("far", SingleConfig.of("redis://127.0.0.1:1"))
                .servers();
        try {
            assertEquals(
                    List.of(true, false),
                    tiers.stream().map(tier -> tier.rules().buffered()).toList());
        } finally {
            tiers.forEach(tier -> tier.store().close());
        }
    }

    @Test
    void theListenerIsToldWhatGoesWrongInCaches() throws InterruptedException {
        try (CacheClient client = overMemory()
                .on(
                        LoadFailed.class,
                        event -> told.add(event.cache()
                                + ' '
                                + event.key()
                                + ' '
                                + event.cause().getMessage()))
                .build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            assertThrows(
                    CacheLoadException.class,
                    () -> cache.get("k", key -> {
                        throw new java.io.IOException("no source");
                    }));
            assertEquals("c c:k no source", heard());
        }
    }

    @Test
    void everyFailoverListenerIsToldWhatBecomesOfTheTiers() throws InterruptedException {
        Consumer<TierLost> listener = event -> told.add(event.tier() + ' ' + event.reason());
        try (CacheClient client = overMemory()
                .tier("own", MemoryStore.create(1 << 20))
                .on(TierLost.class, listener)
                .on(TierLost.class, listener)
                .build()) {
            client.forceFailover("own");
            assertEquals("own FORCED", heard());
            assertEquals("own FORCED", heard());
        }
    }

    /** A tenant that is a part of the key, say. */
    @Test
    void theContextCarrierTakesTheCallersContextToWhereKeysAreMapped() {
        ThreadLocal<String> tenant = ThreadLocal.withInitial(() -> "nobody");
        try (CacheClient client = overMemory()
                .contextCarrier(task -> {
                    String captured = tenant.get();
                    return () -> {
                        tenant.set(captured);
                        try {
                            task.run();
                        } finally {
                            tenant.remove();
                        }
                    };
                })
                .build()) {
            Cache<String, String> cache = client.cache("c", String.class, String.class)
                    .keys(key -> tenant.get() + '.' + key)
                    .codec(Codec.string())
                    .build();
            tenant.set("a");
            cache.async().put("k", "of a").join();
            assertEquals("of a", cache.get("k"));
            tenant.set("b");
            assertNull(cache.async().get("k").join());
            cache.put("k", "of b");
            assertEquals("of b", cache.async().get("k", key -> "not called").join());
        }
    }

    @Test
    void theContextCarrierTakesTheCallersContextToLoadsInTheBackground() {
        ThreadLocal<String> context = new ThreadLocal<>();
        try (CacheClient client = overMemory()
                .contextCarrier(task -> {
                    String captured = context.get();
                    return () -> {
                        context.set(captured);
                        try {
                            task.run();
                        } finally {
                            context.remove();
                        }
                    };
                })
                .build()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            AtomicReference<Thread> loading = new AtomicReference<>();
            context.set("request 7");
            assertEquals(
                    "request 7",
                    cache.async()
                            .get("k", key -> {
                                loading.set(Thread.currentThread());
                                return context.get();
                            })
                            .join());
            assertTrue(loading.get() != Thread.currentThread());
        } finally {
            context.remove();
        }
    }

    @Test
    void aStrictStartWantsEveryTierWhicheverSaysSo() {
        CacheConfigException e = assertThrows(
                CacheConfigException.class,
                () -> overMemory().tier("dead", dead()).strictStart(true).build());
        assertTrue(e.getMessage().contains("dead"), e.getMessage());
        Settings strict = Settings.of(Map.of("CACHE_STRICT_START", "true"));
        assertThrows(
                CacheConfigException.class,
                () -> overMemory().tier("dead", dead()).settings(strict).build());
        // What code says wins.
        try (CacheClient client = overMemory()
                .tier("dead", dead())
                .settings(strict)
                .strictStart(false)
                .build()) {
            assertEquals("memory", client.health().tiers().get(1).name());
            assertTrue(client.isReady());
        }
    }

    @Test
    void whatContradictsItselfIsRefusedInWhateverOrderItIsSaid() {
        List<Consumer<CacheClientBuilder>> pair =
                List.of(CacheClientBuilder::withoutMemory, each -> each.memory(1 << 20));
        List<Consumer<CacheClientBuilder>> other =
                List.of(each -> each.memory(() -> MemoryStore.create(1 << 20)), each -> each.memory(1 << 20));
        List<Consumer<CacheClientBuilder>> none =
                List.of(CacheClientBuilder::withoutMemory, each -> each.memory(() -> MemoryStore.create(1 << 20)));
        for (List<Consumer<CacheClientBuilder>> each : List.of(pair, other, none)) {
            for (int first = 0; first < 2; first++) {
                MemoryStore given = MemoryStore.create(1 << 20);
                CacheClientBuilder builder = CacheClient.builder().tier("own", given);
                each.get(first).accept(builder);
                each.get(1 - first).accept(builder);
                String message = assertThrows(IllegalStateException.class, builder::build)
                        .getMessage();
                assertTrue(message.contains("leave"), message);
                assertThrows(IllegalStateException.class, () -> given.get("k"), "a store that was given is closed");
            }
        }
        CacheClientBuilder named = CacheClient.builder().tier("memory", MemoryStore.create(1 << 20));
        String message = assertThrows(IllegalStateException.class, named::build).getMessage();
        assertTrue(message.contains("another name"), message);
    }

    @Test
    void whatAUrlByCodeLacksIsSaidOfTheUrl() {
        String message = assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("localhost:6379"))
                .getMessage();
        assertTrue(message.startsWith("url must begin with redis://"), message);
        String port = assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("redis://u:s3cret@h:99999"))
                .getMessage();
        assertTrue(port.startsWith("url must have in its port a whole number from 1 to 65535"), port);
        assertFalse(port.contains("s3cret"), port);
    }
}
