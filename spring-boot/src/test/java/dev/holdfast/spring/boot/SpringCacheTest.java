package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cache.Cache;
import org.springframework.cache.CacheManager;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.test.util.AopTestUtils;

/** Spring's cache abstraction over a real server: what its contract says of each operation, and what methods get. */
class SpringCacheTest {
    private static RedisServer redis;
    private static ConfigurableApplicationContext context;
    private static Origin origin;
    private static Cache users;

    @Configuration(proxyBeanMethods = false)
    @EnableCaching
    @ImportAutoConfiguration({
        SslAutoConfiguration.class,
        HoldfastAutoConfiguration.class,
        HoldfastCacheAutoConfiguration.class
    })
    static class Application {
        @Bean
        Origin origin() {
            return new Origin();
        }
    }

    @BeforeAll
    static void start() {
        redis = RedisServer.start();
        context = new SpringApplicationBuilder(Application.class)
                .web(WebApplicationType.NONE)
                .properties("spring.data.redis.url=" + redis.url(), "spring.main.banner-mode=off")
                .run();
        origin = context.getBean(Origin.class);
        users = context.getBean(CacheManager.class).getCache("users");
    }

    @AfterAll
    static void stop() {
        context.close();
        redis.close();
    }

    @BeforeEach
    void empty() {
        // A test before may have frozen it; and who takes its canary away says that it has lost what it held.
        Polls.until("the server serves every key", () -> {
            TierHealth single = client().health().tiers().get(0);
            return single.serving() && single.dirtyKeys() == 0;
        });
        for (Object key : (List<?>) redis.command("KEYS", "*")) {
            if (!String.valueOf(key).contains("#canary:")) {
                redis.command("DEL", String.valueOf(key));
            }
        }
        target().calls.set(0);
        target().failure = null;
        target().gate = new CountDownLatch(0);
    }

    private static Origin target() {
        return assertInstanceOf(Origin.class, AopTestUtils.getTargetObject(origin));
    }

    private static User ada() {
        return new User(1, "Ada");
    }

    @Test
    void aMethodIsCalledOnce() {
        User first = origin.find(1);
        assertEquals(first, origin.find(1));
        assertEquals(1, target().calls.get());
    }

    @Test
    void theBytesNameNoClass() {
        origin.find(1);
        String stored = String.valueOf(
                redis.command("GET", String.valueOf(((List<?>) redis.command("KEYS", "*users*")).get(0))));
        assertTrue(stored.contains("\"name\""), stored);
        assertFalse(stored.contains("dev.holdfast"), stored);
    }

    @Test
    void everyKindOfReturnSharesTheSameEntries() throws Exception {
        User user = origin.find(7);
        assertEquals(user, origin.findOnce(7));
        assertEquals(Optional.of(user), origin.findOptional(7));
        assertEquals(user, origin.findLater(7).get(5, TimeUnit.SECONDS));
        assertEquals(user, origin.findLaterOnce(7).get(5, TimeUnit.SECONDS));
        assertEquals(user, origin.findMono(7).block());
        assertEquals(1, target().calls.get());
    }

    @Test
    void aFluxIsCachedAsItsList() {
        List<User> first = origin.findFlux(3).collectList().block();
        assertEquals(first, origin.findFlux(3).collectList().block());
        assertEquals(2, target().calls.get());
    }

    @Test
    void severalArgumentsAreOneKey() {
        assertEquals("ada", origin.findBoth("ada", 1).name());
        assertEquals("bob", origin.findBoth("bob", 1).name());
        assertEquals("ada", origin.findBoth("ada", 1).name());
        assertEquals(2, target().calls.get());
    }

    @Test
    void whatIsPutIsFoundAndWhatIsEvictedIsNot() {
        origin.save(ada());
        assertEquals("Ada", origin.find(1).name());
        origin.delete(1);
        assertEquals("user 1", origin.find(1).name());
        origin.deleteAll();
        origin.find(1);
        assertEquals(2, target().calls.get());
    }

    @Test
    void nullIsRemembered() throws Exception {
        assertNull(origin.find(-1));
        assertNull(origin.find(-1));
        assertNull(origin.findOnce(-1));
        assertEquals(Optional.empty(), origin.findOptional(-1));
        assertNull(origin.findLater(-1).get(5, TimeUnit.SECONDS));
        assertEquals(1, target().calls.get());
        assertNull(origin.findOnce(-2));
        assertNull(origin.findOnce(-2));
        assertEquals(2, target().calls.get());
    }

    @Test
    void getTellsAbsentFromNull() {
        assertNull(users.get(1));
        users.put(1, null);
        Cache.ValueWrapper wrapper = users.get(1);
        assertNotNull(wrapper);
        assertNull(wrapper.get());
        users.put(1, ada());
        assertEquals(ada(), users.get(1).get());
        users.put(1, null);
        assertNull(users.get(1).get());
    }

    @Test
    void getWithATypeChecksIt() {
        users.put(1, ada());
        assertEquals(ada(), users.get(1, User.class));
        assertEquals(ada(), users.get(1, (Class<?>) null));
        IllegalStateException refused = assertThrows(IllegalStateException.class, () -> users.get(1, String.class));
        assertFalse(refused.getMessage().contains("Ada"), refused.getMessage());
        assertNull(users.get(2, User.class));
    }

    @Test
    void fiftyThreadsMakeOneCall() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        target().gate = gate;
        List<User> found = inFifty(gate, () -> origin.findOnce(5));
        assertEquals(50, found.size());
        assertEquals(1, target().calls.get());
        found.forEach(user -> assertEquals(new User(5, "user 5"), user));
    }

    @Test
    void fiftyThreadsShareOneFailure() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        target().gate = gate;
        target().failure = new IllegalArgumentException("no such user");
        List<Throwable> failures =
                inFifty(gate, () -> assertThrows(IllegalArgumentException.class, () -> origin.findOnce(6)));
        assertEquals(1, target().calls.get());
        failures.forEach(failure -> assertEquals("no such user", failure.getMessage()));
    }

    /** Lets the gate open when all are under way: those that come later find the entry or join. */
    private static <T> List<T> inFifty(CountDownLatch gate, Callable<T> call) throws Exception {
        long before = joins();
        ExecutorService threads = Executors.newFixedThreadPool(50);
        try {
            CountDownLatch begun = new CountDownLatch(50);
            List<Future<T>> futures = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                futures.add(threads.submit(() -> {
                    begun.countDown();
                    return call.call();
                }));
            }
            assertTrue(begun.await(30, TimeUnit.SECONDS));
            Polls.until("all wait for the load", () -> joins() == before + 49);
            gate.countDown();
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get(30, TimeUnit.SECONDS));
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    private static long joins() {
        return client().stats().get("users").joins();
    }

    private static CacheClient client() {
        return context.getBean(CacheClient.class);
    }

    @Test
    void aLoaderThatFailsIsAValueRetrievalException() {
        IllegalStateException failure = new IllegalStateException("down");
        Cache.ValueRetrievalException thrown = assertThrows(
                Cache.ValueRetrievalException.class,
                () -> users.get(8, () -> {
                    throw failure;
                }));
        assertSame(failure, thrown.getCause());
        assertEquals(8, thrown.getKey());
        assertNull(users.get(8));
    }

    @Test
    void retrieveTellsAbsentFromNull() throws Exception {
        assertNull(users.retrieve(1).get(5, TimeUnit.SECONDS));
        users.put(1, null);
        Object wrapper = users.retrieve(1).get(5, TimeUnit.SECONDS);
        assertNull(assertInstanceOf(Cache.ValueWrapper.class, wrapper).get());
        users.put(1, ada());
        wrapper = users.retrieve(1).get(5, TimeUnit.SECONDS);
        assertEquals(ada(), assertInstanceOf(Cache.ValueWrapper.class, wrapper).get());
    }

    @Test
    void retrieveLoadsOnce() throws Exception {
        AtomicInteger loads = new AtomicInteger();
        CompletableFuture<User> pending = new CompletableFuture<>();
        List<CompletableFuture<User>> waiting = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            waiting.add(users.retrieve(2, () -> {
                loads.incrementAndGet();
                return pending;
            }));
        }
        waiting.forEach(future -> assertFalse(future.isDone()));
        pending.complete(ada());
        for (CompletableFuture<User> future : waiting) {
            assertEquals(ada(), future.get(5, TimeUnit.SECONDS));
        }
        assertEquals(1, loads.get());
        assertEquals(ada(), users.get(2, User.class));
    }

    @Test
    void aLoaderThatThrowsBeforeItReturnsItsFutureFailsTheFuture() {
        IllegalStateException failure = new IllegalStateException("at once");
        CompletableFuture<User> future = users.retrieve(3, () -> {
            throw failure;
        });
        assertSame(
                failure, assertThrows(CompletionException.class, future::join).getCause());
    }

    @Test
    void aFutureThatFailsFailsWithItsOwnFailure() {
        IllegalStateException failure = new IllegalStateException("later");
        CompletableFuture<User> future = users.retrieve(4, () -> CompletableFuture.failedFuture(failure));
        assertSame(
                failure, assertThrows(CompletionException.class, future::join).getCause());
        CompletableFuture<User> none = users.retrieve(5, () -> null);
        assertInstanceOf(
                IllegalStateException.class,
                assertThrows(CompletionException.class, none::join).getCause());
    }

    @Test
    void retrieveNeverBlocks() throws Exception {
        redis.freeze();
        try {
            long start = System.nanoTime();
            CompletableFuture<?> found = users.retrieve(1);
            CompletableFuture<User> loaded = users.retrieve(2, () -> CompletableFuture.completedFuture(ada()));
            long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
            assertTrue(millis < 100, () -> "took " + millis + " ms");
            assertEquals(ada(), loaded.get(10, TimeUnit.SECONDS));
            found.get(10, TimeUnit.SECONDS);
        } finally {
            redis.thaw();
            Polls.until(
                    "the server serves again", () -> client().health().type().equals("native-redis"));
        }
    }

    @Test
    void putIfAbsentReturnsTheOldValue() {
        assertNull(users.putIfAbsent(1, ada()));
        assertEquals(ada(), users.putIfAbsent(1, new User(2, "Bob")).get());
        assertEquals(ada(), users.get(1, User.class));
        assertNull(users.putIfAbsent(2, null));
        assertNull(users.get(2).get());
        Cache.ValueWrapper absent = users.putIfAbsent(2, ada());
        assertNotNull(absent);
        assertNull(absent.get());
    }

    @Test
    void evictIfPresentSaysWhetherThereWasAnything() {
        assertFalse(users.evictIfPresent(1));
        users.put(1, ada());
        assertTrue(users.evictIfPresent(1));
        assertNull(users.get(1));
        users.put(1, ada());
        users.evict(1);
        assertNull(users.get(1));
    }

    @Test
    void invalidateAndClearRemoveAll() {
        users.put(1, ada());
        users.invalidate();
        assertNull(users.get(1));
        users.put(1, ada());
        users.clear();
        assertNull(users.get(1));
    }

    @Test
    void aKeyWithoutTextIsAnErrorThatNamesTheMethod() {
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> origin.byObject(new Object()));
        assertTrue(refused.getMessage().contains("Origin.byObject"), refused.getMessage());
        assertTrue(refused.getMessage().contains("java.lang.Object"), refused.getMessage());
        assertEquals("value of UUID", origin.byObject(UUID.randomUUID()));
    }
}
