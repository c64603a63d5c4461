package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Reads come from a replica that gets nothing more, comparisons are made on the master: they never agree. */
class BehindReplicaTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(STALE);

    /** From now on reads find what is there now. */
    private void fallBehind(String key) {
        byte[] seen = Objects.requireNonNull(store.get("c:" + key));
        store.reads = unused -> seen.clone();
    }

    @Test
    void whatCantBeMarkedStaleIsRemoved() {
        cache.put("k", "old");
        fallBehind("k");
        cache.put("k", "new");
        assertTrue(cache.markStale("k"));
        store.reads = null;
        assertNull(cache.get("k"));
        assertEquals("loaded", cache.get("k", key -> "loaded"));
    }

    @Test
    void aConditionalChangeThatCantBeDecidedIsNoAnswer() {
        cache.put("k", "old");
        fallBehind("k");
        cache.put("k", "new");
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> cache.replace("k", "old", "changed"));
        assertFalse(e.outcomeUnknown());
        store.reads = null;
        assertEquals("new", cache.get("k"));
    }

    @Test
    void anAbsentKeyIsNotSaidToBePresent() {
        cache.put("k", "old");
        fallBehind("k");
        time.advance(Duration.ofMinutes(5));
        store.put("c:k", new byte[] {1}, HOUR);
        CacheUnavailableException e =
                assertThrows(CacheUnavailableException.class, () -> cache.putIfAbsent("k", "mine"));
        assertFalse(e.outcomeUnknown());
    }

    /** What was just made on the master is read from a replica that gets it a few milliseconds later. */
    @Test
    void anEntryIsGoodThoughAReplicaDoesNotKnowItsTagYet() {
        CachePolicy tagged = STALE.withTags("red");
        cache.put("first", "v", tagged);
        long behind = System.nanoTime() + Duration.ofMillis(15).toNanos();
        store.manyReads = found -> System.nanoTime() < behind ? Map.of() : found;
        cache.put("second", "v", tagged);
        assertEquals("v", cache.get("second"));
        assertEquals("v", cache.get("first"));
    }

    /** While a replica knows nothing of a lease that another has, who waits does not ask without a pause. */
    @Test
    void aLeaseThatAReplicaDoesNotKnowIsNotAskedForWithoutAPause() {
        CacheEngine<String, String> locked = open("l", STALE.withLoadLock(Duration.ofSeconds(1)), services);
        store.put("l:#load:k", new byte[16], Duration.ofMillis(300));
        store.manyReads = found -> Map.of();
        store.shared = true;
        assertEquals("v", locked.get("k", key -> "v"));
        assertTrue(store.count("fill") < 100, () -> store.count("fill") + " tries");
    }
}
