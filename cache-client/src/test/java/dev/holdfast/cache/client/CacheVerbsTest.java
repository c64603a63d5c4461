package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** What a typed cache does with a key besides get, put and remove. */
class CacheVerbsTest extends EngineFixture {
    private static final CachePolicy POLICY = STALE.withRememberAbsence(MINUTE);

    private final CacheEngine<String, String> cache = open(POLICY);

    private CacheEngine<String, String> raw() {
        return EngineFixture.engine(
                "raw", store, Function.identity(), Codec.raw(Codec.string()), CachePolicy.of(MINUTE), services);
    }

    @Test
    void whatIsNotThereIsFoundEmptyOrReplacedByAnother() throws Exception {
        assertEquals(Optional.empty(), cache.find("k"));
        assertEquals("other", cache.getOrDefault("k", "other"));
        cache.put("k", "v");
        assertEquals(Optional.of("v"), cache.find("k"));
        assertEquals("v", cache.getOrDefault("k", "other"));
        assertEquals(Optional.of("v"), result(cache.async().find("k")));
        assertEquals(3, cache.stats().hits());
        assertEquals(2, cache.stats().misses());
        time.advance(MINUTE.multipliedBy(5));
        assertEquals(Optional.empty(), cache.find("k"), "a stale value is not found");
    }

    @Test
    void aTimeToLiveOfOneEntryKeepsTheRestOfThePolicy() throws Exception {
        cache.put("put", "v", Duration.ofSeconds(10));
        cache.putAll(Map.of("all", "v"), Duration.ofSeconds(10));
        assertTrue(cache.putIfAbsent("absent", "v", Duration.ofSeconds(10)));
        cache.put("replaced", "old");
        assertTrue(cache.replace("replaced", "old", "v", Duration.ofSeconds(10)));
        result(cache.async().put("async", "v", Duration.ofSeconds(10)));
        List<String> keys = List.of("put", "all", "absent", "replaced", "async");
        for (String key : keys) {
            assertEquals(Optional.of(Duration.ofSeconds(10)), cache.ttl(key), key);
        }
        time.advance(Duration.ofSeconds(10));
        for (String key : keys) {
            Lookup<String> found = cache.lookup(key);
            assertEquals(
                    Lookup.State.STALE, found.state(), key + " may stand in for an hour, as the cache's policy says");
            assertFalse(found.isFresh());
            assertTrue(found.isStale());
        }
    }

    @Test
    void aTimeToLiveOutOfItsBoundsIsRefusedByName() {
        for (Duration bad : List.of(Duration.ZERO, Duration.ofSeconds(-1), CacheStore.MAX_TTL.plusDays(1))) {
            IllegalArgumentException e =
                    assertThrows(IllegalArgumentException.class, () -> cache.put("k", "v", bad), bad::toString);
            assertTrue(e.getMessage().contains("ttl"), e.getMessage());
            assertThrows(IllegalArgumentException.class, () -> cache.expire("k", bad), bad::toString);
            assertThrows(IllegalArgumentException.class, () -> cache.putAbsent("k", bad), bad::toString);
        }
    }

    @Test
    void ofSeveralWhoTakeAValueOneGetsIt() throws Exception {
        cache.put("k", "v");
        CountDownLatch go = new CountDownLatch(1);
        List<Future<String>> takers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            takers.add(start(() -> {
                await(go);
                return cache.getAndRemove("k");
            }));
        }
        go.countDown();
        int taken = 0;
        for (Future<String> taker : takers) {
            taken += "v".equals(result(taker)) ? 1 : 0;
        }
        assertEquals(1, taken);
        assertNull(cache.get("k"));
        assertNull(result(cache.async().getAndRemove("k")));
    }

    @Test
    void whatIsTakenThoughItIsNotFreshIsGone() {
        cache.put("stale", "v");
        cache.putAbsent("absence", MINUTE.multipliedBy(10));
        time.advance(MINUTE.multipliedBy(5));
        assertNull(cache.getAndRemove("stale"));
        assertEquals(Lookup.State.ABSENT, cache.lookup("stale").state());
        assertNull(cache.getAndRemove("absence"));
        assertEquals(Lookup.State.ABSENT, cache.lookup("absence").state());
    }

    @Test
    void aValueIsRemovedOnlyIfItIsTheExpectedOne() throws Exception {
        cache.put("k", "v");
        assertFalse(cache.remove("k", "another"));
        assertFalse(cache.remove("nobody", "v"));
        assertEquals("v", cache.get("k"));
        assertTrue(cache.remove("k", "v"));
        assertNull(cache.get("k"));
        cache.put("k", "v");
        assertTrue(result(cache.async().remove("k", "v")));
        cache.put("stale", "v");
        time.advance(MINUTE.multipliedBy(5));
        assertFalse(cache.remove("stale", "v"), "there is no fresh value");
    }

    @Test
    void aFreshValueGetsAnotherTimeToLive() throws Exception {
        cache.put("k", "v");
        assertEquals(Optional.of(MINUTE.multipliedBy(5)), cache.ttl("k"));
        time.advance(MINUTE);
        assertTrue(cache.expire("k", MINUTE.multipliedBy(10)));
        assertEquals(Optional.of(MINUTE.multipliedBy(10)), cache.ttl("k"));
        time.advance(MINUTE.multipliedBy(9));
        assertEquals("v", cache.get("k"));
        time.advance(MINUTE);
        assertEquals(Lookup.State.STALE, cache.lookup("k").state(), "and is stale for an hour beyond it");
        assertEquals(Optional.empty(), cache.ttl("k"));
        assertFalse(cache.expire("k", MINUTE), "there is no fresh value");
        assertFalse(result(cache.async().expire("nobody", MINUTE)));
        assertEquals(Optional.empty(), result(cache.async().ttl("nobody")));
        CacheEngine<String, String> plain = open("plain", CachePolicy.of(MINUTE), services);
        plain.put("k", "v", CacheStore.FOREVER);
        assertEquals(Optional.of(CacheStore.FOREVER), plain.ttl("k"));
        assertTrue(plain.expire("k", MINUTE));
        assertEquals(Optional.of(MINUTE), plain.ttl("k"));
    }

    @Test
    void anotherTimeToLiveKeepsTheETagAndTheValue() {
        cache.get("k", CacheLoader.adaptive((key, context) -> {
            context.etag("tag");
            return "v";
        }));
        assertTrue(cache.expire("k", MINUTE));
        assertEquals(Optional.of("tag"), cache.lookup("k").etag());
        assertEquals("v", cache.get("k"));
    }

    @Test
    void anAbsenceThatIsPutIsAnAnswerForItsTime() throws Exception {
        cache.put("k", "v");
        cache.putAbsent("k");
        assertEquals(Lookup.State.KNOWN_ABSENT, cache.lookup("k").state());
        assertNull(cache.get("k", key -> "not called"));
        time.advance(MINUTE);
        assertEquals("loaded", cache.get("k", key -> "loaded"));
        result(cache.async().putAbsent("k", HOUR));
        time.advance(MINUTE.multipliedBy(59));
        assertNull(cache.get("k", key -> "not called"));
        CacheEngine<String, String> forgetful = open("forgetful", CachePolicy.of(MINUTE), services);
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> forgetful.putAbsent("k"));
        assertTrue(e.getMessage().contains("rememberAbsence"), e.getMessage());
    }

    @Test
    void aRawCacheDoesWhatItsEntriesCanSay() {
        CacheEngine<String, String> raw = raw();
        raw.put("k", "v");
        assertTrue(raw.ttl("k").filter(left -> left.compareTo(MINUTE) <= 0).isPresent());
        assertTrue(raw.expire("k", HOUR));
        assertTrue(raw.ttl("k").filter(left -> left.compareTo(MINUTE) > 0).isPresent());
        assertTrue(raw.remove("k", "v"));
        raw.put("k", "v");
        assertEquals("v", raw.getAndRemove("k"));
        assertThrows(UnsupportedOperationException.class, () -> raw.putAbsent("k", MINUTE));
    }

    /** As a replica that is behind does, a store that never agrees with what was read from it. */
    @Test
    void whatNeverAgreesWithWhatWasReadIsNotGuessedAt() {
        cache.put("k", "v");
        byte[] behind = Objects.requireNonNull(store.get("c:k"));
        cache.put("k", "newer");
        store.reads = key -> behind.clone();
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> cache.expire("k", MINUTE));
        assertEquals(
                "expire: 100 times what was read from the tier " + store.tierName()
                        + " was not what stood there; nothing was changed",
                e.getMessage(),
                "the tier's name, and not what a store says of all its parts");
        assertThrows(CacheUnavailableException.class, () -> cache.remove("k", "v"));
        assertThrows(CacheUnavailableException.class, () -> cache.getAndRemove("k"));
        assertEquals(3, cache.stats().failedWrites() + cache.stats().failedRemovals());
    }

    /** As between two callers, or from a replica that is behind. */
    @Test
    void whatIsStoredWhileAnotherTakesNothingIsKept() {
        for (String before : new String[] {"nothing", "stale"}) {
            if (before.equals("stale")) {
                cache.put("k", "old");
                time.advance(MINUTE.multipliedBy(5));
            }
            byte[] seen = store.get("c:k");
            AtomicBoolean first = new AtomicBoolean(true);
            store.after = operation -> {
                if (operation.equals("get") && first.compareAndSet(true, false)) {
                    cache.put("k", "new");
                }
            };
            String taken = cache.getAndRemove("k");
            store.after = operation -> {};
            if (before.equals("nothing")) {
                assertNull(seen);
                assertNull(taken);
                assertEquals("new", cache.getAndRemove("k"), "nobody has taken it");
            } else {
                assertEquals("new", taken, "it came in between, and is what was there");
            }
            assertNull(cache.get("k"));
        }
    }

    @Test
    void anotherTimeToLiveMakesNoValueNew() {
        cache.put("k", "v");
        time.advance(MINUTE);
        assertTrue(cache.expire("k", HOUR));
        assertEquals(MINUTE, cache.lookup("k").age());
    }
}
