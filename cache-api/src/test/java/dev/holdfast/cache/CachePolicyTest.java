package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class CachePolicyTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);
    private final CachePolicy policy = CachePolicy.defaults();

    @Test
    void withersDeriveAndLeaveTheOriginalAlone() {
        CachePolicy derived = policy.withTtl(MINUTE)
                .withStaleIfError(Duration.ofHours(1))
                .withLoadSoftTimeout(Duration.ofMillis(100))
                .withRefreshAhead(0.8)
                .withTtlJitter(0.1)
                .withRememberAbsence(Duration.ofSeconds(5))
                .withRetryLoadAfter(Duration.ZERO)
                .withLoadTimeout(Duration.ofSeconds(3))
                .withMaxLoads(7);
        assertEquals(MINUTE, derived.ttl());
        assertEquals(Duration.ofHours(1), derived.staleIfError());
        assertEquals(Duration.ofMillis(100), derived.loadSoftTimeout());
        assertEquals(0.8, derived.refreshAhead());
        assertEquals(0.1, derived.ttlJitter());
        assertEquals(Duration.ofSeconds(5), derived.rememberAbsence());
        assertEquals(Duration.ZERO, derived.retryLoadAfter());
        assertEquals(Duration.ofSeconds(3), derived.loadTimeout());
        assertEquals(7, derived.maxLoads());
        assertEquals(Duration.ofMinutes(5), policy.ttl());
        assertNotEquals(policy, derived);
        assertEquals(CachePolicy.of(MINUTE), policy.withTtl(MINUTE));
        assertEquals(CachePolicy.of(MINUTE).hashCode(), policy.withTtl(MINUTE).hashCode());
    }

    @Test
    void eachPartIsCheckedByItself() {
        refused("refreshAhead must be from 0 to less than 1: 1.5", () -> policy.withRefreshAhead(1.5));
        refused("refreshAhead", () -> policy.withRefreshAhead(Double.NaN));
        refused("ttlJitter", () -> policy.withTtlJitter(1));
        refused("ttlJitter", () -> policy.withTtlJitter(-0.1));
        refused("ttl", () -> policy.withTtl(Duration.ZERO));
        refused("ttl", () -> policy.withTtl(Duration.ofDays(40_000)));
        refused("rememberAbsence", () -> policy.withRememberAbsence(Duration.ofMillis(-1)));
        refused("loadTimeout", () -> policy.withLoadTimeout(Duration.ZERO));
        refused("maxLoads must be from 1 to 100000: 0", () -> policy.withMaxLoads(0));
    }

    @Test
    void whatContradictsItselfCannotBeUsedAndSaysWhy() {
        Duration second = Duration.ofSeconds(1);
        contradicts("loadSoftTimeout", policy.withLoadSoftTimeout(Duration.ofMillis(100)));
        CachePolicy soft = policy.withStaleIfError(MINUTE).withLoadSoftTimeout(second);
        assertEquals(soft, soft.requireConsistent());
        contradicts("loadSoftTimeout", soft.withStaleIfError(Duration.ZERO));
        contradicts("loadTimeout", soft.withLoadTimeout(second));
        contradicts("staleIfError", policy.withStaleIfError(CacheStore.MAX_TTL));
        CachePolicy endless = policy.withTtl(CacheStore.FOREVER);
        assertEquals(endless, endless.requireConsistent());
        contradicts("staleIfError", endless.withStaleIfError(MINUTE));
        contradicts("refreshAhead", endless.withRefreshAhead(0.5));
        contradicts("ttlJitter", endless.withTtlJitter(0.5));
    }

    @Test
    void withersCommute() {
        UnaryOperator<CachePolicy> stale = each -> each.withStaleIfError(MINUTE);
        UnaryOperator<CachePolicy> soft = each -> each.withLoadSoftTimeout(Duration.ofSeconds(40));
        UnaryOperator<CachePolicy> lease = each -> each.withLoadTimeout(MINUTE);
        CachePolicy expected = lease.apply(soft.apply(stale.apply(policy)));
        assertEquals(expected, stale.apply(soft.apply(lease.apply(policy))));
        assertEquals(expected, soft.apply(lease.apply(stale.apply(policy))).requireConsistent());
        CachePolicy endless = policy.withTtl(CacheStore.FOREVER).withStaleIfError(MINUTE);
        assertEquals(
                policy.withStaleIfError(MINUTE).withTtl(MINUTE),
                endless.withTtl(MINUTE).requireConsistent());
    }

    private static void contradicts(String what, CachePolicy built) {
        refused(what, built::requireConsistent);
    }

    private static void refused(String what, Executable building) {
        String message = String.valueOf(
                assertThrows(IllegalArgumentException.class, building).getMessage());
        assertTrue(message.contains(what), message);
    }

    /** Tags are text of anybody's: what they look like in a row says nothing. */
    @Test
    void policiesWithOtherTagsDifferHoweverTheyAreShown() {
        CachePolicy one = CachePolicy.defaults().withTags("a, b");
        CachePolicy two = CachePolicy.defaults().withTags("a", "b");
        assertNotEquals(one, two);
        assertEquals(two, CachePolicy.defaults().withTags("b", "a"));
        assertEquals(two.hashCode(), CachePolicy.defaults().withTags("b", "a").hashCode());
        assertNotEquals(
                CachePolicy.defaults().withTags("x], loadLock=PT1S"),
                CachePolicy.defaults().withTags("x").withLoadLock(Duration.ofSeconds(1)));
        assertFalse(CachePolicy.defaults().withTags("forged\nline").toString().contains("\n"));
    }
}
