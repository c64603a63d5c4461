package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes calls: at once where they need no thought, and by the {@link Switchboard} where they do, or where the first attempt
 * failed or the route was replaced meanwhile. For any number of threads.
 */
final class FastPath {
    private final Switchboard switchboard;
    private final Duration timeout;
    /** Whether this has less time than the composite it is of. */
    private final boolean hurried;
    /** Tiers that are not asked, as bits. */
    private final int excluded;

    FastPath(Switchboard switchboard, Duration timeout) {
        this(switchboard, timeout, false, 0);
    }

    private FastPath(Switchboard switchboard, Duration timeout, boolean hurried, int excluded) {
        this.switchboard = switchboard;
        this.timeout = timeout;
        this.hurried = hurried;
        this.excluded = excluded;
    }

    /**
     * A call that was made at once and may not be over: it failed, or the route was replaced meanwhile.
     *
     * @param result what it returned, if it did
     * @param failure what it threw, if it did
     */
    record Tried<R extends @Nullable Object>(
            Route route, int tick, R result, @Nullable Throwable failure) {}

    /** Stores entries at a store. */
    @FunctionalInterface
    interface Storing {
        void accept(CacheStore store, Map<String, byte[]> entries, Duration ttl);
    }

    /** The same with less time. */
    FastPath within(Duration limit) {
        return new FastPath(switchboard, limit, true, excluded);
    }

    /** The same without a tier. */
    FastPath without(Tier tier) {
        return new FastPath(switchboard, timeout, hurried, excluded | 1 << tier.index);
    }

    Duration timeout() {
        return timeout;
    }

    boolean excludes(Tier tier) {
        return (excluded & 1 << tier.index) != 0;
    }

    private Route enter() {
        Route route = switchboard.enter();
        return hurried || excludes(route.tier()) ? route.withoutShortcut() : route;
    }

    /** Makes a call by the switchboard, or ends one there that was tried; {@code none} is its result if there is nothing to do. */
    <R extends @Nullable Object> R call(
            @Nullable Tried<R> tried, Request request, R none, BiFunction<CacheStore, List<String>, R> operation) {
        boolean patient = request.kind() == Kind.PREFIX && !hurried;
        Duration limit = patient ? CacheStore.PREFIX_REMOVAL_LIMIT : timeout;
        return switchboard.call(tried, request, none, operation, limit, excluded);
    }

    /** Makes a call for one key. */
    <A, B, R extends @Nullable Object> R one(KeyOperation<A, B, R> operation, String key, A first, B second) {
        Route route = enter();
        Tried<R> tried = null;
        Kind kind = operation.kind();
        if (route.takes(kind)) {
            int tick = route.tier().begin();
            try {
                R result = operation.action().on(route.store(), key, first, second);
                if (kind.invalidates) {
                    route.tier().changed(key);
                }
                route.tier().answered(tick);
                if (kind == Kind.COUNT || switchboard.isCurrent(route)) {
                    return result;
                }
                tried = new Tried<>(route, tick, result, null);
            } catch (Throwable e) {
                route.tier().ended(tick, e);
                tried = new Tried<>(route, tick, operation.none(), e);
            }
        }
        Request request = operation.request().of(key, first, second);
        return call(tried, request, operation.none(), (store, keys) -> operation
                .action()
                .on(store, key, first, second));
    }

    /**
     * Makes a call for several keys where it needs no thought.
     *
     * @return what became of it; {@code null} if it was not made
     */
    <R> @Nullable Tried<R> attempt(Kind kind, Collection<String> keys, R none, Function<CacheStore, R> operation) {
        Route route = enter();
        if (!route.takes(kind)) {
            return null;
        }
        int tick = route.tier().begin();
        try {
            R result = operation.apply(route.store());
            if (kind.invalidates) {
                route.tier().changed(keys);
            }
            route.tier().answered(tick);
            return new Tried<>(route, tick, result, null);
        } catch (Throwable e) {
            route.tier().ended(tick, e);
            return new Tried<>(route, tick, none, e);
        }
    }

    /** Whether a call is over with what became of it: it succeeded where it belonged, and that is where it still belongs. */
    boolean isOver(Tried<?> tried) {
        return tried.failure() == null && switchboard.isCurrent(tried.route());
    }

    /** Reads several keys; those that are present, in the order of the keys if it took thought. */
    Map<String, byte[]> getAll(Collection<String> keys) {
        Tried<Map<String, byte[]>> tried = attempt(Kind.READ, keys, Map.of(), store -> store.getAll(keys));
        return tried != null && isOver(tried) ? tried.result() : getAll(tried, keys);
    }

    private Map<String, byte[]> getAll(@Nullable Tried<Map<String, byte[]>> tried, Collection<String> keys) {
        Request request = Request.of(Kind.READ, keys);
        Map<String, byte[]> found = call(tried, request, request.found(), (store, some) -> {
            request.found().putAll(store.getAll(some));
            return request.found();
        });
        Map<String, byte[]> ordered = new LinkedHashMap<>();
        for (String key : request.keys()) {
            byte[] value = found.get(key);
            if (value != null) {
                ordered.put(key, value);
            }
        }
        return ordered;
    }

    /** Reads a key for a copy that may be kept. */
    Covered covered(TrackedTiers tracked, String key) {
        return one(KeyOperation.COVERED, key, tracked, KeyOperation.No.ARGUMENT);
    }

    /** Reads several keys for copies that may be kept; those that are present. */
    Map<String, Covered> covered(TrackedTiers tracked, Collection<String> keys) {
        Tried<Map<String, Covered>> tried = attempt(Kind.READ, keys, Map.of(), store -> tracked.at(store, keys));
        if (tried != null && isOver(tried)) {
            return tried.result();
        }
        Tried<Map<String, byte[]>> plain = tried == null
                ? null
                : new Tried<>(tried.route(), tried.tick(), TrackedTiers.values(tried.result()), tried.failure());
        return Covered.all(null, getAll(plain, keys));
    }

    /** Stores several entries. */
    void storeAll(Kind kind, Map<String, byte[]> entries, Duration ttl, Storing change) {
        changeAll(kind, entries.keySet(), () -> Request.write(kind, entries, ttl), (store, keys) -> {
            Map<String, byte[]> some = entries;
            if (keys.size() < entries.size()) {
                some = new HashMap<>(entries);
                some.keySet().retainAll(keys);
            }
            change.accept(store, some, ttl);
        });
    }

    /** Changes several keys. */
    void changeAll(
            Kind kind,
            Collection<String> keys,
            Supplier<Request> request,
            BiConsumer<CacheStore, Collection<String>> change) {
        Tried<Boolean> tried = attempt(kind, keys, true, store -> {
            change.accept(store, keys);
            return true;
        });
        if (tried == null || !isOver(tried)) {
            call(tried, request.get(), true, (store, some) -> {
                change.accept(store, some);
                return true;
            });
        }
    }
}
