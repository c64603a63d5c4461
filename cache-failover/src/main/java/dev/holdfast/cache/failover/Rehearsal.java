package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.spi.CacheStore;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Plays an outage, from the first failure to the return, on a composite of its own whose tiers are in this process: once in a
 * process, in the background, before there is a real one. The first outage loads and links some hundred classes otherwise
 * (resilience4j's event with the time zones among them), for 50 to 100 ms, while all callers wait.
 */
final class Rehearsal {
    private static final Logger log = LoggerFactory.getLogger(Rehearsal.class);
    private static final AtomicBoolean begun = new AtomicBoolean();
    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final Duration TTL = Duration.ofMinutes(1);

    private Rehearsal() {}

    /** Plays it, unless that was done in this process. */
    static void once() {
        if (begun.compareAndSet(false, true)) {
            boolean toTheEnd = play();
            log.trace("an outage was rehearsed{}", toTheEnd ? "" : ", but not to its end");
        }
    }

    /**
     * Plays it. Takes some hundred milliseconds, most of them waiting.
     *
     * @return whether the lost tier came back
     */
    static boolean play() {
        FailoverConfig quick = FailoverConfig.DEFAULT.withFailoverTimeout(LIMIT).withGracePeriod(Duration.ofMillis(50));
        Stage first = new Stage();
        FailoverStore store = FailoverStore.builder()
                .name("holdfast-rehearsal")
                .config(quick)
                .tier("first", first.store())
                .tier("second", new Stage().store())
                .unlogged()
                .build();
        try {
            first.gone = true;
            for (int i = 0; i < 3; i++) {
                callAll(store);
            }
            first.gone = false;
            long end = System.nanoTime() + LIMIT.toNanos();
            while (!first.cleaned && System.nanoTime() - end < 0) {
                TimeUnit.MILLISECONDS.sleep(20);
            }
            callAll(store);
            return first.cleaned;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (CacheException | IllegalStateException e) {
            // Nobody depends on it.
            log.debug("the rehearsal of an outage was cut short", e);
        } finally {
            store.abandon();
        }
        return false;
    }

    private static void callAll(FailoverStore store) {
        byte[] value = {1};
        store.put("a", value, TTL);
        store.get("a");
        store.getShared("a");
        try {
            store.increment("n", 1, TTL);
        } catch (CacheUnavailableException e) {
            // Perhaps counted on a tier that is gone, and perhaps not: that is what its caller is told.
            log.trace("an increment of the rehearsal has an unknown outcome", e);
        }
        store.putAll(Map.of("a", value, "b", value), TTL);
        store.getAll(List.of("a", "b"));
        store.remove("a");
        store.removeAll(List.of("a", "b"));
        store.fill("a", value, TTL);
        store.contains("a");
        store.removeByPrefix("a");
    }

    /** What is asked of a tier that keeps nothing and is gone when it is told to. */
    private static final class Stage implements InvocationHandler {
        private static final Set<String> ALWAYS_THERE =
                Set.of("callBound", "close", "disconnect", "equals", "hashCode", "health", "toString");

        private volatile boolean gone;
        /** Whether it was reconciled. */
        private volatile boolean cleaned;

        CacheStore store() {
            return (CacheStore)
                    Proxy.newProxyInstance(CacheStore.class.getClassLoader(), new Class<?>[] {CacheStore.class}, this);
        }

        @Override
        public @Nullable Object invoke(Object store, Method method, Object @Nullable [] arguments) throws Throwable {
            String name = method.getName();
            if (method.isDefault()) {
                return InvocationHandler.invokeDefault(store, method, arguments);
            }
            if (gone && !ALWAYS_THERE.contains(name)) {
                throw new CacheUnavailableException("gone, for the rehearsal", null, Reason.CONNECTION, true);
            }
            cleaned |= name.startsWith("remove");
            return name.equals("increment") ? 1L : Memories.answer(method, arguments);
        }
    }
}
