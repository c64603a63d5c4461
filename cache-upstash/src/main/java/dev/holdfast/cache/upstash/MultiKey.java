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
import org.jspecify.annotations.Nullable;

/**
 * Operations with many keys, cut into as few requests as the database's limits allow, some of them at the same time: a
 * command's size holds for its arguments and for its answer, so reads are cut by the size that values have had so far. When a
 * request fails, those that have not begun are not tried: their keys are named as failed too.
 */
final class MultiKey {
    /** As many as the official client sends in one pipeline; a longer one makes others wait. */
    static final int MAX_KEYS = 1_000;

    /** How many bytes a pipeline may have in all; the service limits single commands only. */
    private static final int MAX_PIPELINE_BYTES = 4 << 20;

    private final Calls calls;

    /** The largest value seen for a while, as it stands in an answer: decides how many keys one MGET may ask for. */
    private final AtomicInteger largestValue = new AtomicInteger(1_024);

    MultiKey(Calls calls) {
        this.calls = calls;
    }

    Map<String, byte[]> getAll(List<String> keys, long deadline) {
        List<Chunk> chunks = new ArrayList<>();
        int size = keysPerRead();
        for (int from = 0; from < keys.size(); from += size) {
            List<String> some = keys.subList(from, Math.min(keys.size(), from + size));
            chunks.add(new Chunk(some, chunk -> readChunk(some, chunk.found, deadline)));
        }
        Chunks.run(chunks, calls);
        Map<String, byte[]> found = found(chunks);
        requireDone(chunks, found);
        return found;
    }

    private static Map<String, byte[]> found(List<Chunk> chunks) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        chunks.forEach(chunk -> {
            synchronized (chunk.found) {
                found.putAll(chunk.found);
            }
        });
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
                put(command, keys, values, found);
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

    private void put(Command command, List<String> keys, List<Reply> values, Map<String, byte[]> found) {
        for (int i = 0; i < keys.size(); i++) {
            byte[] value = calls.bytes(command, values.get(i));
            if (value != null) {
                largestValue.accumulateAndGet(value.length, Math::max);
                byte[] decoded = ValueText.decode(value);
                synchronized (found) {
                    found.put(keys.get(i), decoded);
                }
            }
        }
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
        List<Chunk> chunks = new ArrayList<>();
        int from = 0;
        while (from < keys.size()) {
            int to = from;
            long bytes = 0;
            while (to < keys.size() && to - from < MAX_KEYS && (to == from || bytes < MAX_PIPELINE_BYTES)) {
                bytes += commands.get(to++).json().length;
            }
            List<String> some = keys.subList(from, to);
            List<Command> someCommands = commands.subList(from, to);
            chunks.add(new Chunk(some, chunk -> writeChunk(chunk, someCommands, deadline)));
            from = to;
        }
        Chunks.run(chunks, calls);
        requireDone(chunks, Map.of());
    }

    /** Each command of a pipeline succeeds or fails for itself: only the keys of those that failed are named. */
    private void writeChunk(Chunk chunk, List<Command> commands, long deadline) {
        List<Reply> replies = calls.runAll(commands, deadline);
        Set<String> failed = new LinkedHashSet<>();
        CacheUnavailableException unavailable = null;
        CacheException rejected = null;
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) instanceof Reply.Failure failure) {
                CacheException e = calls.rest.errors().text("SET", failure.text());
                if (e instanceof CacheUnavailableException u) {
                    failed.add(chunk.keys.get(i));
                    unavailable = u;
                } else {
                    rejected = e;
                }
            } else if (!replies.get(i).isOk()) {
                failed.add(chunk.keys.get(i));
                unavailable = notOk();
            }
        }
        if (unavailable != null) {
            throw named(unavailable, failed, Map.of());
        }
        if (rejected != null) {
            throw rejected;
        }
    }

    private CacheUnavailableException notOk() {
        return new CacheUnavailableException(
                "SET at " + calls.rest.errors().address() + ": OK was expected",
                null,
                CacheUnavailableException.Reason.CONNECTION,
                true);
    }

    void removeAll(List<String> keys, long deadline) {
        List<Chunk> chunks = new ArrayList<>();
        for (int from = 0; from < keys.size(); from += MAX_KEYS) {
            List<String> some = keys.subList(from, Math.min(keys.size(), from + MAX_KEYS));
            chunks.add(new Chunk(some, chunk -> unlink(some, deadline)));
        }
        Chunks.run(chunks, calls);
        requireDone(chunks, Map.of());
    }

    private void unlink(List<String> keys, long deadline) {
        List<String> parts = new ArrayList<>(keys.size() + 1);
        parts.add("UNLINK");
        keys.forEach(key -> parts.add(calls.prefix.apply(key)));
        calls.run(Command.of(parts), deadline, reply -> reply.count(keys.size()));
    }

    private static void requireDone(List<Chunk> chunks, Map<String, byte[]> found) {
        CacheUnavailableException unavailable = null;
        CacheException other = null;
        boolean unknown = false;
        Set<String> failed = new LinkedHashSet<>();
        for (Chunk chunk : chunks) {
            CacheException failure = chunk.failure();
            if (failure instanceof CacheUnavailableException e) {
                unavailable = unavailable == null ? e : unavailable;
                unknown |= e.outcomeUnknown();
                failed.addAll(e.failedKeys().isEmpty() ? chunk.keys : e.failedKeys());
            } else if (failure != null) {
                other = failure;
            } else if (!chunk.isDone()) {
                failed.addAll(chunk.keys);
            }
        }
        if (unavailable != null) {
            failed.removeAll(found.keySet());
            throw named(unavailable, failed, found, unknown);
        }
        if (other != null) {
            throw other;
        }
    }

    private static CacheUnavailableException named(
            CacheUnavailableException e, Set<String> failed, Map<String, byte[]> found) {
        return named(e, failed, found, e.outcomeUnknown());
    }

    private static CacheUnavailableException named(
            CacheUnavailableException e, Set<String> failed, Map<String, byte[]> found, boolean unknown) {
        String message = e.getMessage() + " (" + failed.size() + " keys without an answer)";
        return e instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, e, unknown, failed, found)
                : new CacheUnavailableException(message, e, e.reason(), unknown, failed, found);
    }

    /** Some of the keys, and what is to be done with them in one request. */
    static final class Chunk {
        interface Work {
            void run(Chunk chunk);
        }

        final List<String> keys;
        /** What was read, in the order of the keys; guarded by itself. */
        final Map<String, byte[]> found = new LinkedHashMap<>();

        private final Work work;
        private volatile boolean done;
        private volatile @Nullable CacheException failure;

        Chunk(List<String> keys, Work work) {
            this.keys = keys;
            this.work = work;
        }

        /** Does it; returns whether it was done. */
        boolean run(UpstashErrors errors) {
            try {
                work.run(this);
                done = true;
            } catch (Throwable e) {
                failure = errors.unexpected("a part of a call with many keys", e, true);
            }
            return done;
        }

        boolean isDone() {
            return done;
        }

        @Nullable
        CacheException failure() {
            return failure;
        }
    }
}
