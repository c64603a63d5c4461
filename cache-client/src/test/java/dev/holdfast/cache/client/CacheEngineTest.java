package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class CacheEngineTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(CachePolicy.of(MINUTE));

    @Test
    void whatIsPutIsReadUntilItsTimeToLiveEnds() {
        cache.put("k", "v");
        assertEquals("v", cache.get("k"));
        assertTrue(cache.contains("k"));
        time.advance(MINUTE.minusMillis(1));
        assertEquals("v", cache.get("k"));
        time.advance(Duration.ofMillis(1));
        assertNull(cache.get("k"));
        assertFalse(cache.contains("k"));
    }

    @Test
    void keysStandUnderTheNameOfTheCache() {
        cache.put("k", "v");
        assertTrue(store.contains("c:k"));
        open("d", CachePolicy.defaults(), services).put("k", "other");
        cache.clear();
        assertNull(cache.get("k"));
        assertTrue(store.contains("d:k"));
    }

    @Test
    void aMissLoadsAndStores() {
        assertEquals("loaded k", cache.get("k", key -> "loaded " + key));
        assertEquals("loaded k", cache.get("k", key -> "again"));
        assertEquals("loaded k", cache.get("k"));
    }

    @Test
    void absenceIsNotRememberedUnlessThePolicySaysSo() {
        assertNull(cache.get("k", key -> null));
        assertEquals("v", cache.get("k", key -> "v"));

        CachePolicy remembering = cache.policy().withRememberAbsence(Duration.ofSeconds(10));
        assertNull(cache.get("absent", key -> null, remembering));
        assertNull(cache.get("absent", key -> "v", remembering));
        assertEquals(Lookup.State.KNOWN_ABSENT, cache.lookup("absent").state());
        assertFalse(cache.contains("absent"));
        time.advance(Duration.ofSeconds(10));
        assertEquals("v", cache.get("absent", key -> "v", remembering));
    }

    @Test
    void putIfAbsentStoresOnlyWhereNothingFreshIs() {
        assertTrue(cache.putIfAbsent("k", "first"));
        assertFalse(cache.putIfAbsent("k", "second"));
        assertEquals("first", cache.get("k"));
        time.advance(MINUTE);
        assertTrue(cache.putIfAbsent("k", "third"));
        assertEquals("third", cache.get("k"));
    }

    @Test
    void putIfAbsentTakesThePlaceOfARememberedAbsence() {
        assertNull(cache.get("k", key -> null, cache.policy().withRememberAbsence(HOUR)));
        assertTrue(cache.putIfAbsent("k", "v"));
        assertEquals("v", cache.get("k"));
    }

    @Test
    void replaceComparesValues() {
        assertFalse(cache.replace("k", "a", "b"));
        cache.put("k", "a");
        assertFalse(cache.replace("k", "x", "b"));
        assertTrue(cache.replace("k", "a", "b"));
        assertEquals("b", cache.get("k"));
    }

    @Test
    void removalsRemove() {
        cache.putAll(Map.of("a", "1", "b", "2", "c", "3"));
        assertTrue(cache.remove("a"));
        assertFalse(cache.remove("a"));
        cache.removeAll(List.of("b", "b", "absent"));
        assertNull(cache.get("a"));
        assertNull(cache.get("b"));
        assertEquals("3", cache.get("c"));
    }

    @Test
    void getAllKeepsTheOrderOfTheRequestAndIgnoresDuplicates() {
        cache.putAll(Map.of("a", "1", "b", "2", "c", "3"));
        assertEquals(
                List.of("c", "a", "b"),
                new ArrayList<>(
                        cache.getAll(List.of("c", "absent", "a", "c", "b")).keySet()));
        assertEquals(1, store.count("getAll"));
    }

    @Test
    void aStoreThatDoesNotAnswerIsAnErrorToAReadAndALoadToAReadWithALoader() {
        store.before = operation -> {
            throw ScriptedStore.refusal(operation);
        };
        assertThrows(CacheUnavailableException.class, () -> cache.get("k"));
        assertEquals("v", cache.get("k", key -> "v"));
        assertThrows(CacheUnavailableException.class, () -> cache.put("k", "v"));
        assertThrows(CacheUnavailableException.class, () -> cache.remove("k"));
        CacheStats stats = cache.stats();
        assertEquals(0, stats.hits() + stats.misses());
        assertEquals(2, stats.failedReads());
        assertEquals(2, stats.failedWrites(), "the load's and the caller's");
        assertEquals(1, stats.failedRemovals());
    }

    @Test
    void aFailedLoadCarriesWhatTheLoaderThrew() {
        Exception cause = new Exception("no source");
        CacheLoadException thrown = assertThrows(
                CacheLoadException.class,
                () -> cache.get("k", key -> {
                    throw cause;
                }));
        assertEquals(cause, thrown.getCause());
        assertEquals("v", cache.get("k", key -> "v"), "no pause where no stale value stands in");
    }

    @Test
    void aLoaderThatAsksForItsOwnKeyIsToldSo() {
        assertThrows(IllegalStateException.class, () -> cache.get("k", key -> cache.get("k", inner -> "v")));
    }

    @Test
    void nullsAreRefused() {
        assertThrows(NullPointerException.class, () -> cache.get(null));
        assertThrows(NullPointerException.class, () -> cache.put(null, "v"));
        assertThrows(NullPointerException.class, () -> cache.put("k", null));
        assertThrows(NullPointerException.class, () -> cache.remove(null));
    }

    @Test
    void aClosedCacheRefusesCalls() {
        cache.close();
        cache.close();
        assertThrows(IllegalStateException.class, () -> cache.get("k"));
        assertThrows(IllegalStateException.class, () -> cache.async().get("k"));
    }

    @Test
    void aRawCodecStoresValuesAloneAndRefusesWhatNeedsAnEnvelope() {
        CacheEngine<String, String> raw = EngineFixture.engine(
                "r", store, Function.identity(), Codec.raw(Codec.string()), CachePolicy.of(MINUTE), services);
        raw.put("shared", "v");
        assertEquals("v", new String(store.get("shared"), StandardCharsets.UTF_8));
        store.put("shared", "by others".getBytes(StandardCharsets.UTF_8), HOUR);
        assertEquals("by others", raw.get("shared"));
        assertEquals("loaded", raw.get("absent", key -> "loaded"));
        assertThrows(UnsupportedOperationException.class, raw::clear);
        assertThrows(UnsupportedOperationException.class, () -> raw.markStale("shared"));
        assertThrows(IllegalArgumentException.class, () -> raw.put("shared", "v", STALE));
        raw.close();
    }

    @Test
    void entriesThatCannotBeReadAreCountedMisses() {
        cache.put("k", "v");
        byte[] entry = store.get("c:k");
        byte[] later = entry.clone();
        later[2] = 9;
        store.put("c:later", later, HOUR);
        store.put("c:garbage", new byte[] {1, 2, 3}, HOUR);
        byte[] badText = entry.clone();
        badText[badText.length - 1] = (byte) 0xFF;
        store.put("c:text", badText, HOUR);
        assertNull(cache.get("later"));
        assertNull(cache.get("garbage"));
        assertNull(cache.get("text"));
        assertEquals(3, cache.stats().unreadable());
        assertEquals(3, cache.stats().misses());
        assertEquals("new", cache.get("garbage", key -> "new"));
        assertEquals("new", cache.get("garbage"));
        assertFalse(cache.replace("text", "v", "new"));
        assertTrue(cache.putIfAbsent("text", "new"), "what nobody can read is not there");
        assertEquals("new", cache.get("text"));
    }

    @Test
    void countsOfAScriptedScenarioAreExact() {
        cache.put("a", "1");
        cache.get("a");
        cache.get("b");
        cache.get("b", key -> "2");
        cache.get("b", key -> "3");
        assertThrows(
                CacheLoadException.class,
                () -> cache.get("c", key -> {
                    throw new Exception("fails");
                }));
        cache.getAll(List.of("a", "b", "d"));
        cache.getAll(List.of("a", "e", "f"), keys -> Map.of("e", "5"));
        cache.remove("a");
        cache.removeAll(List.of("b", "d"));
        cache.putAll(Map.of("x", "1", "y", "2"));
        CacheStats stats = cache.stats();
        assertEquals(2 + 2 + 1, stats.hits());
        assertEquals(3 + 1 + 2, stats.misses());
        assertEquals(1 + 2, stats.loads());
        assertEquals(1, stats.loadFailures());
        assertEquals(1 + 1 + 1 + 2, stats.stored());
        assertEquals(1 + 2, stats.removals());
        assertEquals(0, stats.joins() + stats.staleHits() + stats.leasesExpired() + stats.notStored());
        assertEquals(0, stats.unreadable() + stats.failedReads() + stats.failedWrites() + stats.failedRemovals());
        assertEquals(3, stats.loadTime().count());
        assertEquals(5.0 / 11, stats.hitRatio(), 1e-9);
        cache.resetStats();
        assertEquals(0, cache.stats().hits() + cache.stats().loadTime().count());
    }

    @Test
    void lookupSaysWhereAValueIsFromAndHowOldItIs() {
        CacheEngine<String, String> stale = open("s", STALE, services);
        assertEquals(Lookup.State.ABSENT, stale.lookup("k").state());
        stale.put("k", "v");
        time.advance(MINUTE);
        Lookup<String> fresh = stale.lookup("k");
        assertEquals(Lookup.State.FRESH, fresh.state());
        assertEquals(MINUTE, fresh.age());
        assertEquals("memory", fresh.tier());
        assertEquals(0, store.count("health"), "a look at one key asked for the health of everything");
        time.advance(MINUTE.multipliedBy(10));
        assertEquals(Lookup.State.STALE, stale.lookup("k").state());
        assertEquals("v", stale.lookup("k").value());
        assertNull(stale.get("k"));
    }
}
