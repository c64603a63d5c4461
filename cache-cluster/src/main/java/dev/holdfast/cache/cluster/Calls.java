package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.cluster.RoutedRequest.Kind;
import dev.holdfast.cache.spi.KeyFailures;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Runs requests in the time that the calls of a store, or of a view, have, and counts the calls. Thread-safe. */
final class Calls {
    private final Session session;
    private final long boundNanos;

    Calls(Session session, long boundNanos) {
        this.session = session;
        this.boundNanos = boundNanos;
    }

    <T> @Nullable T run(byte[] serverKey, Kind kind, Request<T> request) {
        return run(new RoutedRequest<>(Slots.of(serverKey), kind, request));
    }

    /** Runs a script, in full at a node that does not know it. */
    <T> @Nullable T script(Script<T> script, Kind kind, List<byte[]> keys, List<byte[]> arguments) {
        long start = System.nanoTime();
        return counted(start, () -> script(script, kind, keys, arguments, start + boundNanos));
    }

    /** Runs a script so; for a call that is counted elsewhere, or not at all. */
    <T> @Nullable T script(Script<T> script, Kind kind, List<byte[]> keys, List<byte[]> arguments, long until) {
        long start = System.nanoTime();
        int slot = Slots.of(keys.get(0));
        try {
            return session.router.run(new RoutedRequest<>(slot, kind, script.byDigest(keys, arguments)), start, until);
        } catch (CacheRejectedException e) {
            if (FailureKind.of(e) != FailureKind.NO_SCRIPT) {
                throw e;
            }
            return session.router.run(new RoutedRequest<>(slot, kind, script.inFull(keys, arguments)), start, until);
        }
    }

    /** Runs a request that may be routed in a way of its own. */
    <T> @Nullable T run(RoutedRequest<T> routed) {
        long start = System.nanoTime();
        return counted(start, () -> session.router.run(routed, start, start + boundNanos));
    }

    /** Counts a call. */
    <T> @Nullable T counted(long start, Supplier<@Nullable T> call) {
        session.requireOpen();
        boolean answered = false;
        try {
            T reply = call.get();
            answered = true;
            return reply;
        } catch (CacheRejectedException e) {
            answered = true;
            throw e;
        } finally {
            session.meter.record(start, answered);
            session.failed = !answered;
        }
    }

    /** Requests of one call with several keys, one for each. */
    <T> Map<String, RoutedRequest<T>> allRouted(
            Collection<String> keys, Kind kind, Function<byte[], Request<T>> request) {
        Map<String, RoutedRequest<T>> allRouted = new LinkedHashMap<>();
        for (String key : new LinkedHashSet<>(keys)) {
            byte[] server = serverKey(key);
            allRouted.put(key, new RoutedRequest<>(Slots.of(server), kind, request.apply(server)));
        }
        return allRouted;
    }

    /** Runs the requests of a call; throws if any fails. */
    <T> void runAll(Map<String, RoutedRequest<T>> allRouted) {
        long start = System.nanoTime();
        if (allRouted.isEmpty()) {
            session.requireOpen();
            return;
        }
        counted(start, () -> {
            KeyFailures failures = new KeyFailures();
            runAll(allRouted, start, failures);
            failures.throwIfAny(found(allRouted));
            return null;
        });
    }

    /** What was read. */
    static Map<String, byte[]> found(Map<String, ? extends RoutedRequest<?>> allRouted) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        allRouted.forEach((key, routed) -> {
            if (routed.reply() instanceof byte[] value) {
                found.put(key, value);
            }
        });
        return found;
    }

    /** Runs a script for each key, in full at a node that does not know it; returns the replies of those that did not fail. */
    <T> Map<String, @Nullable T> runAll(
            Script<T> script, Map<String, List<byte[]>> arguments, long start, KeyFailures failures) {
        Map<String, RoutedRequest<T>> allRouted = new LinkedHashMap<>();
        arguments.forEach((key, each) -> allRouted.put(key, routed(script::byDigest, key, each)));
        runAll(allRouted, start, new KeyFailures());
        Map<String, RoutedRequest<T>> unknown = new LinkedHashMap<>();
        allRouted.forEach((key, routed) -> {
            if (isUnknownScript(routed)) {
                unknown.put(key, routed(script::inFull, key, arguments.getOrDefault(key, List.of())));
            }
        });
        runAll(unknown, start, new KeyFailures());
        allRouted.putAll(unknown);
        note(allRouted, failures);
        Map<String, @Nullable T> replies = new LinkedHashMap<>();
        allRouted.forEach((key, routed) -> {
            if (routed.next() == RoutedRequest.Next.DONE) {
                replies.put(key, routed.reply());
            }
        });
        return replies;
    }

    private static boolean isUnknownScript(RoutedRequest<?> routed) {
        return routed.next() == RoutedRequest.Next.FAILED
                && routed.failure() instanceof CacheRejectedException e
                && FailureKind.of(e) == FailureKind.NO_SCRIPT;
    }

    private <T> RoutedRequest<T> routed(
            BiFunction<List<byte[]>, List<byte[]>, Request<T>> script, String key, List<byte[]> arguments) {
        byte[] server = serverKey(key);
        return new RoutedRequest<>(Slots.of(server), Kind.HARMLESS, script.apply(List.of(server), arguments));
    }

    /** Runs requests of one call, and notes which failed. */
    <T> void runAll(Map<String, RoutedRequest<T>> allRouted, long start, KeyFailures failures) {
        if (!allRouted.isEmpty()) {
            session.router.runAll(List.copyOf(allRouted.values()), start, start + boundNanos);
            note(allRouted, failures);
        }
    }

    private <T> void note(Map<String, RoutedRequest<T>> allRouted, KeyFailures failures) {
        allRouted.forEach((key, routed) -> {
            if (routed.next() != RoutedRequest.Next.DONE) {
                failures.add(key, failure(routed));
            }
        });
    }

    private RuntimeException failure(RoutedRequest<?> routed) {
        RuntimeException why = routed.failure();
        return why instanceof CacheException ? why : session.errors.broken(why);
    }

    byte[] serverKey(String key) {
        return session.config.keyPrefix().encodeKey(key);
    }

    long number(@Nullable Long reply) {
        if (reply == null) {
            throw session.errors.malformed("nothing where a number was expected");
        }
        return reply;
    }

    long sum(byte @Nullable [] reply) {
        try {
            return Long.parseLong(new String(reply == null ? new byte[0] : reply, StandardCharsets.US_ASCII));
        } catch (NumberFormatException e) {
            throw session.errors.malformed("something else where a number was expected");
        }
    }
}
