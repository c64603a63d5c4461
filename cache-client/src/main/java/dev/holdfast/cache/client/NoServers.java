package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.Agreement;
import dev.holdfast.cache.spi.CacheStore;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What caches and counters stand on that want servers only, where there are none: refuses every operation. */
final class NoServers {
    private NoServers() {}

    /** {@code why}: as the end of a sentence. */
    static CacheStore because(String why) {
        return (CacheStore) Proxy.newProxyInstance(
                NoServers.class.getClassLoader(),
                new Class<?>[] {CacheStore.class},
                (store, method, arguments) -> answer((CacheStore) store, method, arguments, why));
    }

    private static @Nullable Object answer(CacheStore store, Method method, Object @Nullable [] arguments, String why) {
        return switch (method.getName()) {
            case "toString" -> "no server";
            case "hashCode" -> System.identityHashCode(store);
            case "equals" -> arguments != null && arguments[0] == store;
            case "within" -> store;
            case "callBound" -> Duration.ZERO;
            case "isServing" -> false;
            case "switches" -> 0L;
            case "tierName" -> "none";
            case "health" -> StoreHealth.of("none", false, Instant.EPOCH);
            case "close", "disconnect", "outage", "use" -> null;
            case "agreement" -> Agreement.NONE;
            case "observe" -> (Runnable) () -> {};
            default ->
                throw new CacheUnavailableException(
                        "this cache or counter is kept on servers only, and " + why, null, Reason.CONNECTION, false);
        };
    }
}
