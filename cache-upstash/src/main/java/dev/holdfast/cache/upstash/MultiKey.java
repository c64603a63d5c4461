package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Operations with many keys, cut into as few requests as the database's limits allow: a command's size holds for its
 * arguments and for its answer, so reads are cut by the size that values have had so far. When a request fails, the keys of
 * later ones are not tried: they are named as failed too.
 */
final class MultiKey {
    /** As many as the official client sends in one pipeline; a longer one makes others wait. */
    private static final int MAX_KEYS = 1_000;

    /** How many bytes a pipeline may have in all; the service limits single commands only. */
    private static final int MAX_PIPELINE_BYTES = 4 << 20;

    private final Calls calls;

    /** The largest value seen for a while, as it stands in an answer: decides how many keys one MGET may ask for. */
    private final AtomicInteger largestValue = new AtomicInteger(1_024);

    MultiKey(Calls calls) {
        this.calls = calls;
    }

    Map<String, byte[]> getAll(List<String> keys, long deadline) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        int from = 0;
        while (from < keys.size()) {
            int to = Math.min(keys.size(), from + keysPerRead());
            List<String> chunk = keys.subList(from, to);
            Set<String> left = new LinkedHashSet<>(keys.subList(from, keys.size()));
            guarded(left, found, () -> readChunk(chunk, found, deadline));
            from = to;
        }
        return found;
    }

    private void readChunk(List<String> keys, Map<String, byte[]> found, long deadline) {
        List<String> parts = new ArrayList<>(keys.size() + 1);
        parts.add("MGET");
        keys.forEach(key -> parts.add(calls.prefix.apply(key)));
        Command command = Command.of(parts);
        boolean halve = keys.size() > 1 && command.json().length > calls.config.maxCommandBytes();
        if (!halve) {
            try {
                List<Reply> values = calls.run(command, deadline, reply -> exactly(keys.size(), reply.array()));
                for (int i = 0; i < keys.size(); i++) {
                    byte[] value = calls.bytes(command, values.get(i));
                    if (value != null) {
                        largestValue.accumulateAndGet(value.length, Math::max);
                        found.put(keys.get(i), ValueText.decode(value));
                    }
                }
                return;
            } catch (CacheRejectedException e) {
                // The answer would be larger than the database gives away at once.
                if (keys.size() == 1 || !String.valueOf(e.getMessage()).contains("size exceeded")) {
                    throw e;
                }
            }
        }
        readChunk(keys.subList(0, keys.size() / 2), found, deadline);
        readChunk(keys.subList(keys.size() / 2, keys.size()), found, deadline);
    }

    private static List<Reply> exactly(int count, List<Reply> values) {
        if (values.size() != count) {
            throw new MalformedReplyException(values.size() + " values for " + count + " keys");
        }
        return values;
    }

    private int keysPerRead() {
        // Base64 makes four bytes of three; half the limit leaves room for values that grew.
        long perKey = largestValue.get() * 4L / 3 + 3;
        return (int) Math.max(1, Math.min(MAX_KEYS, calls.config.maxCommandBytes() / 2 / perKey));
    }

    void putAll(List<String> keys, List<Command> commands, long deadline) {
        commands.forEach(calls::requireSize);
        int from = 0;
        while (from < keys.size()) {
            int to = from;
            long bytes = 0;
            while (to < keys.size() && to - from < MAX_KEYS && (to == from || bytes < MAX_PIPELINE_BYTES)) {
                bytes += commands.get(to++).json().length;
            }
            List<String> chunk = keys.subList(from, to);
            List<Command> chunkCommands = commands.subList(from, to);
            Set<String> left = new LinkedHashSet<>(keys.subList(from, keys.size()));
            Set<String> later = new LinkedHashSet<>(keys.subList(to, keys.size()));
            guarded(left, Map.of(), () -> writeChunk(chunk, chunkCommands, later, deadline));
            from = to;
        }
    }

    /** Each command of a pipeline succeeds or fails for itself: only the keys of those that failed are named. */
    private void writeChunk(List<String> keys, List<Command> commands, Set<String> later, long deadline) {
        List<Reply> replies = calls.runAll(commands, deadline);
        Set<String> failed = new LinkedHashSet<>();
        CacheUnavailableException unavailable = null;
        CacheException rejected = null;
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) instanceof Reply.Failure failure) {
                CacheException e = calls.rest.errors().text("SET", failure.text());
                if (e instanceof CacheUnavailableException u) {
                    failed.add(keys.get(i));
                    unavailable = u;
                } else {
                    rejected = e;
                }
            }
        }
        if (unavailable != null) {
            failed.addAll(later);
            throw named(unavailable, failed, Map.of());
        }
        if (rejected != null) {
            throw rejected;
        }
    }

    void removeAll(List<String> keys, long deadline) {
        for (int from = 0; from < keys.size(); from += MAX_KEYS) {
            List<String> chunk = keys.subList(from, Math.min(keys.size(), from + MAX_KEYS));
            List<String> parts = new ArrayList<>(chunk.size() + 1);
            parts.add("UNLINK");
            chunk.forEach(key -> parts.add(calls.prefix.apply(key)));
            Set<String> left = new LinkedHashSet<>(keys.subList(from, keys.size()));
            guarded(left, Map.of(), () -> calls.run(Command.of(parts), deadline, Reply::number));
        }
    }

    private static void guarded(Set<String> left, Map<String, byte[]> found, Runnable request) {
        try {
            request.run();
        } catch (CacheUnavailableException e) {
            if (!e.failedKeys().isEmpty()) {
                throw e;
            }
            Set<String> failed = new LinkedHashSet<>(left);
            failed.removeAll(found.keySet());
            throw named(e, failed, found);
        }
    }

    private static CacheUnavailableException named(
            CacheUnavailableException e, Set<String> failed, Map<String, byte[]> found) {
        String message = e.getMessage() + " (" + failed.size() + " keys without an answer)";
        return e instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, e, e.outcomeUnknown(), failed, found)
                : new CacheUnavailableException(message, e, e.reason(), e.outcomeUnknown(), failed, found);
    }
}
