package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.KeyFailures;
import dev.holdfast.cache.spi.RedisScript;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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
        pieces(commands, (from, to) -> {
            List<Command> someCommands = commands.subList(from, to);
            chunks.add(new Chunk(keys.subList(from, to), chunk -> writeChunk(chunk, someCommands, deadline)));
        });
        Chunks.run(chunks, calls);
        requireDone(chunks, Map.of());
    }

    /** What goes into one pipeline. */
    private interface Piece {
        void of(int from, int to);
    }

    private static void pieces(List<Command> commands, Piece piece) {
        int from = 0;
        while (from < commands.size()) {
            int to = from;
            long bytes = 0;
            while (to < commands.size() && to - from < MAX_KEYS && (to == from || bytes < MAX_PIPELINE_BYTES)) {
                bytes += commands.get(to++).json().length;
            }
            piece.of(from, to);
            from = to;
        }
    }

    /** Returns the keys whose values were not stored, since they did not hold what was seen. */
    Set<String> fillAll(List<Fill> fills, long deadline) {
        List<Command> commands = fills.stream().map(Fill::command).toList();
        List<Chunk> chunks = new ArrayList<>();
        Set<String> changed = ConcurrentHashMap.newKeySet();
        pieces(commands, (from, to) -> {
            List<Fill> some = fills.subList(from, to);
            List<Command> someCommands = commands.subList(from, to);
            List<String> keys = some.stream().map(Fill::key).toList();
            chunks.add(new Chunk(keys, chunk -> changed.addAll(fillChunk(some, someCommands, deadline))));
        });
        Chunks.run(chunks, calls);
        requireDone(chunks, Map.of());
        return changed;
    }

    private Set<String> fillChunk(List<Fill> fills, List<Command> commands, long deadline) {
        List<Reply> replies = calls.runAll(commands, deadline);
        Set<String> changed = new HashSet<>();
        List<Fill> unknown = new ArrayList<>();
        KeyFailures failures = new KeyFailures();
        for (int i = 0; i < replies.size(); i++) {
            Fill fill = fills.get(i);
            Reply reply = replies.get(i);
            if (reply instanceof Reply.Failure failure) {
                CacheException why = calls.rest.errors().text(commands.get(i).name(), failure.text());
                if (fill.mayBeUnknown() && why instanceof CacheRejectedException e && Calls.isUnknownScript(e)) {
                    unknown.add(fill);
                } else {
                    failures.add(fill.key(), why);
                }
            } else if (!calls.understood(commands.get(i), reply, fill::isDone)) {
                changed.add(fill.key());
            }
        }
        if (!unknown.isEmpty()) {
            List<Fill> inFull = unknown.stream().map(Fill::inFull).toList();
            try {
                changed.addAll(
                        fillChunk(inFull, inFull.stream().map(Fill::command).toList(), deadline));
            } catch (CacheException e) {
                failures.addAll(unknown.stream().map(Fill::key).toList(), e);
            }
        }
        failures.throwIfAny(Map.of());
        return changed;
    }

    /** Each command of a pipeline succeeds or fails for itself: only the keys of those that failed are named. */
    private void writeChunk(Chunk chunk, List<Command> commands, long deadline) {
        List<Reply> replies = calls.runAll(commands, deadline);
        KeyFailures failures = new KeyFailures();
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) instanceof Reply.Failure failure) {
                failures.add(chunk.keys.get(i), calls.rest.errors().text("SET", failure.text()));
            } else if (!replies.get(i).isOk()) {
                failures.add(chunk.keys.get(i), notOk());
            }
        }
        failures.throwIfAny(Map.of());
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

    void removeAllLeaving(List<String> keys, List<String> tombstone, long deadline) {
        List<Chunk> chunks = new ArrayList<>();
        for (int from = 0; from < keys.size(); from += MAX_KEYS) {
            List<String> some = keys.subList(from, Math.min(keys.size(), from + MAX_KEYS));
            List<String> there = some.stream().map(calls.prefix::apply).toList();
            chunks.add(new Chunk(
                    some,
                    chunk ->
                            calls.script(RedisScript.REMOVE_LEAVING, true, there, tombstone, deadline, Reply::number)));
        }
        Chunks.run(chunks, calls);
        requireDone(chunks, Map.of());
    }

    private static void requireDone(List<Chunk> chunks, Map<String, byte[]> found) {
        KeyFailures failures = new KeyFailures();
        for (Chunk chunk : chunks) {
            if (chunk.failure() != null || !chunk.isDone()) {
                failures.addAll(chunk.keys, chunk.failure());
            }
        }
        failures.throwIfAny(found);
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
