package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.AsyncCache;
import dev.holdfast.cache.Codec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ClosedCacheTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(STALE);

    @Test
    void everyOperationOfAClosedCacheIsRefusedAndTouchesNothing() {
        cache.close();
        Map<String, Executable> operations = new LinkedHashMap<>();
        operations.put("get", () -> cache.get("k"));
        operations.put("get with a loader", () -> cache.get("k", key -> "v"));
        operations.put("getAll", () -> cache.getAll(List.of("k")));
        operations.put("getAll with a loader", () -> cache.getAll(List.of("k"), keys -> Map.of("k", "v")));
        operations.put("refresh", () -> cache.refresh("k", key -> "v"));
        operations.put("lookup", () -> cache.lookup("k"));
        operations.put("contains", () -> cache.contains("k"));
        operations.put("put", () -> cache.put("k", "v"));
        operations.put("putAll", () -> cache.putAll(Map.of("k", "v")));
        operations.put("putIfAbsent", () -> cache.putIfAbsent("k", "v"));
        operations.put("replace", () -> cache.replace("k", "v", "w"));
        operations.put("remove", () -> cache.remove("k"));
        operations.put("removeAll", () -> cache.removeAll(List.of("k")));
        operations.put("markStale", () -> cache.markStale("k"));
        operations.put("clear", cache::clear);
        operations.forEach((name, operation) -> {
            IllegalStateException e = assertThrows(IllegalStateException.class, operation, name);
            assertTrue(String.valueOf(e.getMessage()).contains("the cache c is closed"), () -> name + ": " + e);
        });
        assertEquals(Map.of(), store.calls);
    }

    @Test
    void everyAsynchronousOperationOfAClosedCacheIsRefused() {
        AsyncCache<String, String> async = cache.async();
        cache.close();
        Map<String, Supplier<CompletableFuture<?>>> operations = new LinkedHashMap<>();
        operations.put("get", () -> async.get("k"));
        operations.put("get with a loader", () -> async.get("k", key -> "v"));
        operations.put("getAll", () -> async.getAll(List.of("k")));
        operations.put("getAll with a loader", () -> async.getAll(List.of("k"), keys -> Map.of("k", "v")));
        operations.put("refresh", () -> async.refresh("k", key -> "v"));
        operations.put("lookup", () -> async.lookup("k"));
        operations.put("contains", () -> async.contains("k"));
        operations.put("put", () -> async.put("k", "v"));
        operations.put("putAll", () -> async.putAll(Map.of("k", "v")));
        operations.put("putIfAbsent", () -> async.putIfAbsent("k", "v"));
        operations.put("replace", () -> async.replace("k", "v", "w"));
        operations.put("remove", () -> async.remove("k"));
        operations.put("removeAll", () -> async.removeAll(List.of("k")));
        operations.put("markStale", () -> async.markStale("k"));
        operations.put("clear", async::clear);
        operations.forEach((name, operation) -> {
            Throwable refusal = assertThrows(
                    Exception.class,
                    () -> operation.get().orTimeout(10, TimeUnit.SECONDS).join(),
                    name);
            assertInstanceOf(
                    IllegalStateException.class,
                    refusal instanceof CompletionException ? refusal.getCause() : refusal,
                    name);
        });
        assertEquals(Map.of(), store.calls);
    }

    @Test
    void rawKeysThatBeginAsTheClientsOwnDoAreRefused() {
        CacheEngine<String, String> raw = EngineFixture.engine(
                "raw",
                store,
                Function.identity(),
                Codec.raw(Codec.string()),
                STALE.withStaleIfError(MINUTE.minus(MINUTE)),
                services);
        for (String key : List.of("#", "#:visits", "#canary:1", "a:#canary:1")) {
            assertThrows(IllegalArgumentException.class, () -> raw.get(key));
            assertThrows(IllegalArgumentException.class, () -> raw.put(key, "v"));
            assertThrows(IllegalArgumentException.class, () -> raw.remove(key));
        }
        raw.put("a#", "v");
        raw.put("", "empty");
        assertEquals("v", raw.get("a#"));
        assertEquals("empty", raw.get(""));
        raw.close();
    }

    /** Under the prefix of any client they are spared when a cache is cleared. */
    @Test
    void keysThatLookLikeCanariesAreRefused() {
        CacheEngine<String, String> typed =
                EngineFixture.engine("typed", store, Function.identity(), Codec.string(), STALE, services);
        for (String key : List.of("#canary:1", "a:#canary:1")) {
            assertThrows(IllegalArgumentException.class, () -> typed.get(key));
            assertThrows(IllegalArgumentException.class, () -> typed.put(key, "v"));
        }
        for (String key : List.of("#", "#:visits", "my#canary:1")) {
            typed.put(key, "v");
            assertEquals("v", typed.get(key));
        }
        typed.close();
    }

    @Test
    void whatIsShownOfAKeyIsOneShortLine() {
        CacheEngine<String, String> unmapped =
                EngineFixture.engine("c2", store, key -> null, Codec.string(), STALE, services);
        String key = "\u001B[31mline\nforged" + "x".repeat(1 << 20);
        NullPointerException e = assertThrows(NullPointerException.class, () -> unmapped.get(key));
        assertTrue(e.getMessage().length() < 400, () -> e.getMessage().length() + " characters");
        assertTrue(e.getMessage().chars().noneMatch(Character::isISOControl), e::getMessage);
        unmapped.close();
    }
}
