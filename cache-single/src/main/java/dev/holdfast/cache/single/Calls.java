package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.RedisScript;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs commands in the time that the calls of a store, or of a view, have. Thread-safe. */
final class Calls {
    private final Session session;
    private final long boundNanos;

    Calls(Session session, long boundNanos) {
        this.session = session;
        this.boundNanos = boundNanos;
    }

    /** When a call that begins now must have ended. */
    long end() {
        return System.nanoTime() + boundNanos;
    }

    /** Runs a call of one command. */
    <T extends @Nullable Object> T run(Request command, Reply<T> type) {
        long start = System.nanoTime();
        return session.call(command, type, start, start + boundNanos);
    }

    /** Runs one command of a call that must end. */
    <T extends @Nullable Object> T run(Request command, Reply<T> type, long end) {
        long start = System.nanoTime();
        if (start - end >= 0) {
            throw new CacheTimeoutException("Redis at " + session.config.address() + ": no time left", null, false);
        }
        return session.call(command, type, start, end - start < boundNanos ? end : start + boundNanos);
    }

    /** Runs a script, in full if the server does not know it. */
    <T> T script(RedisScript script, boolean harmless, List<byte[]> keys, List<byte[]> arguments, Reply<T> type) {
        long end = end();
        try {
            return run(Request.script(script, false, harmless, keys, arguments), type, end);
        } catch (CacheRejectedException e) {
            if (!JedisErrors.isUnknownScript(e)) {
                throw e;
            }
            return run(Request.script(script, true, harmless, keys, arguments), type, end);
        }
    }

    /** Sends commands in pieces of a bearable size, so that others get on in between; a reply or a failure for each, as far as they were tried. */
    List<@Nullable Object> sendAll(List<Request> commands, long end) {
        List<@Nullable Object> replies = new ArrayList<>(commands.size());
        for (List<Request> piece : Chunks.bySize(commands)) {
            try {
                replies.addAll(session.callAll(piece, System.nanoTime(), end));
            } catch (CacheUnavailableException | CacheRejectedException e) {
                // None of the piece is known to be done; the pieces after it have to be tried: they may be elsewhere's.
                replies.addAll(Collections.nCopies(piece.size(), e));
                if (e instanceof CacheUnavailableException) {
                    break;
                }
            }
        }
        return replies;
    }
}
