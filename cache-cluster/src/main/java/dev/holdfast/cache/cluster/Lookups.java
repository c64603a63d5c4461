package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.Backoff;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Looks up names on threads of their own, one for a name, however many want it. A lookup that says nothing for long is not waited for any
 * more by those who come later: a resolver may hang for ever, and not the next time. Thread-safe.
 */
final class Lookups {
    /** What may hang. */
    @FunctionalInterface
    interface Resolver {
        InetAddress[] resolve(String host) throws UnknownHostException;
    }

    private static final Duration NO_PAUSE = Duration.ofNanos(1);

    private final Resolver resolver;
    private final Executor threads;
    private final LongSupplier nanos;
    private final ConcurrentMap<String, Lookup> underWay = new ConcurrentHashMap<>();

    /**
     * Makes one.
     *
     * @param threads runs it
     * @param nanos the time
     */
    Lookups(Resolver resolver, Executor threads, LongSupplier nanos) {
        this.resolver = resolver;
        this.threads = threads;
        this.nanos = nanos;
    }

    /** The latest lookup of a name, and whose turn it is. */
    private record Lookup(CompletableFuture<InetAddress[]> answer, Backoff turns) {}

    /** The addresses of a host, at least one. */
    CompletableFuture<InetAddress[]> of(String host) {
        CompletableFuture<InetAddress[]> mine = new CompletableFuture<>();
        Lookup lookup = underWay.compute(host, (name, present) -> latest(present, mine));
        if (lookup.answer() == mine) {
            begin(host, lookup);
        }
        return lookup.answer();
    }

    private Lookup latest(@Nullable Lookup present, CompletableFuture<InetAddress[]> mine) {
        Backoff turns = present == null ? new Backoff(NO_PAUSE, NO_PAUSE) : present.turns();
        Lookup next = new Lookup(mine, turns);
        return turns.tryBegin(nanos.getAsLong()) || present == null ? next : present;
    }

    private void begin(String host, Lookup lookup) {
        try {
            threads.execute(() -> resolve(host, lookup));
        } catch (Throwable e) {
            Throwable why = e;
            try {
                why = new CompletionException("no thread to look up " + host, e);
            } finally {
                end(host, lookup, null, why);
            }
        }
    }

    private void resolve(String host, Lookup lookup) {
        InetAddress[] addresses = null;
        Throwable failure = null;
        try {
            addresses = resolver.resolve(host);
        } catch (Throwable e) {
            failure = e;
        } finally {
            end(host, lookup, addresses, failure);
        }
    }

    private void end(String host, Lookup lookup, InetAddress @Nullable [] addresses, @Nullable Throwable failure) {
        underWay.remove(host, lookup);
        lookup.turns().abandoned();
        if (addresses != null) {
            lookup.answer().complete(addresses);
        } else {
            lookup.answer().completeExceptionally(failure == null ? new UnknownHostException(host) : failure);
        }
    }
}
