package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Tracking;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Empty memories for the periods to come. One is kept in stock, made where nobody waits, so that a switch of tiers finds it and
 * no foreign code runs under the switchboard's lock.
 */
final class Memories {
    /** Stands for a memory that could not be had yet, until the next tick brings one: it keeps nothing, so it serves nothing old. */
    static final CacheStore NONE = (CacheStore) Proxy.newProxyInstance(
            Memories.class.getClassLoader(),
            new Class<?>[] {CacheStore.class},
            (none, method, arguments) -> answer(method, arguments));

    private final Supplier<? extends CacheStore> supplier;
    private final AtomicReference<@Nullable CacheStore> stock = new AtomicReference<>();
    private volatile boolean closed;

    Memories(Supplier<? extends CacheStore> supplier) {
        this.supplier = supplier;
    }

    /** What a store that keeps nothing says. */
    static @Nullable Object answer(Method method, Object @Nullable [] arguments) {
        return switch (method.getName()) {
            case "toString" -> "no memory yet";
            case "hashCode" -> 0;
            case "equals" -> arguments != null && arguments[0] == NONE;
            case "within" -> NONE;
            case "track" -> Tracking.none(NONE, "no memory could be had yet");
            case "callBound" -> Duration.ZERO;
            case "probe" -> ProbeResult.OK;
            case "health" -> StoreHealth.of("in-memory", false, Instant.EPOCH);
            case "close", "disconnect" -> null;
            case "putIfAbsent" -> true;
            case "getAll" -> new HashMap<>();
            case "fillAll" -> Set.of();
            case "removeByPrefix" -> 0L;
            case "increment" ->
                throw new CacheUnavailableException("no memory could be had yet", null, Reason.UNEXPECTED, false);
            default -> method.getReturnType() == boolean.class ? false : null;
        };
    }

    /** Makes one for later, if there is none. Throws what the supplier does. */
    void restock() {
        if (stock.get() == null && !closed) {
            stock.set(supplier.get());
            if (closed) {
                take().close();
            }
        }
    }

    /** Whether {@link #take} has one. */
    boolean ready() {
        return stock.get() != null;
    }

    /** Takes the one in stock; {@link #NONE} if it was taken since the last tick. */
    CacheStore take() {
        CacheStore taken = stock.getAndSet(null);
        return taken == null ? NONE : taken;
    }

    /** Closes what nobody took. */
    void close() {
        closed = true;
        take().close();
    }
}
