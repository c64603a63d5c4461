package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The keys of a {@link ScriptedStore} that fail though the store answers, as those of a dead shard do; none at first. Thread-safe. */
final class FailingKeys {
    private volatile @Nullable Predicate<String> failing;

    void fail(Predicate<String> keys) {
        failing = Objects.requireNonNull(keys, "keys");
    }

    void heal() {
        failing = null;
    }

    <T extends @Nullable Object> T one(String key, Supplier<T> work) {
        Predicate<String> fails = failing;
        if (fails != null && fails.test(key)) {
            throw partial(List.of(key), Map.of());
        }
        return work.get();
    }

    /** Does the work on those keys that don't fail. */
    <T> T several(List<String> keys, Function<Collection<String>, T> work) {
        Predicate<String> fails = failing;
        if (fails == null || keys.stream().noneMatch(fails)) {
            return work.apply(keys);
        }
        T result = work.apply(keys.stream().filter(fails.negate()).toList());
        throw partial(keys.stream().filter(fails).toList(), result);
    }

    /** Does the work, which is on keys that nobody names, unless some fail. */
    <T> T every(Supplier<T> work) {
        if (failing != null) {
            throw partial(List.of(), Map.of());
        }
        return work.get();
    }

    private static CacheUnavailableException partial(Collection<String> failed, Object result) {
        Map<String, byte[]> found = new HashMap<>();
        if (result instanceof Map<?, ?> map) {
            map.forEach((key, value) -> found.put((String) key, (byte[]) value));
        }
        return new CacheUnavailableException(
                "flaky: a shard is out", null, Reason.PARTIAL, false, Set.copyOf(failed), found);
    }
}
