package dev.holdfast.cache.single;

import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.Login;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Logs open connections in anew, between the calls of others, which do not notice. For one thread of ours. */
final class Reauthentication {
    private static final long GLANCE_NANOS = TimeUnit.MICROSECONDS.toNanos(50);
    private static final long NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private final long commandNanos;
    private final Login login;
    private final Consumer<Pipeline> sent;
    private final Reader reader;

    /** Reads replies on a connection, unless somebody does, until a call of its own is answered. */
    @FunctionalInterface
    interface Reader {
        boolean read(Pipeline pipeline, Call own, long until);
    }

    /**
     * Creates one.
     *
     * @param sent told of each connection on which something was sent
     */
    Reauthentication(SingleConfig config, Login login, Consumer<Pipeline> sent, Reader reader) {
        this.commandNanos = config.commandTimeout().toNanos();
        this.login = login;
        this.sent = sent;
        this.reader = reader;
    }

    /**
     * Logs those in that have other words. What the server refuses to log in stays logged in as it was, and the provider is asked once
     * more; what goes wrong with one keeps no other from it.
     */
    void of(Pipeline[] pipelines, Authentication words) {
        Refusal refusal = null;
        Throwable failure = null;
        for (Pipeline pipeline : pipelines) {
            if (words.equals(pipeline.link().words())) {
                continue;
            }
            try {
                Refusal refused = of(pipeline, words);
                refusal = refusal == null ? refused : refusal;
            } catch (RuntimeException | Error e) {
                failure = failure == null ? e : failure;
            }
        }
        if (refusal != null) {
            refused(words, refusal);
        }
        if (failure instanceof Error e) {
            throw e;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
    }

    /** Logs one in; returns what the server refuses it with. */
    @Nullable
    Refusal of(Pipeline pipeline, Authentication words) {
        // Before there is a right to write, which would be lost with an Error: it may wait one timeout, and its reply
        // takes two.
        Call call = Call.of(List.of(Entry.auth(words)), false, System.nanoTime() + 3 * commandNanos);
        if (!acquire(pipeline)) {
            return null;
        }
        long now = System.nanoTime();
        pipeline.send(call, now, now + commandNanos);
        sent.accept(pipeline);
        while (!call.isAnswered()) {
            if (System.nanoTime() - call.deadline() >= 0) {
                pipeline.link().reset(CloseReason.OVERDUE);
                pipeline.fail(new IOException("overdue"));
            }
            if (!reader.read(pipeline, call, call.deadline())) {
                call.park(NAP_NANOS);
            }
        }
        if (call.takeReply() instanceof Refusal refusal) {
            return refusal;
        }
        pipeline.link().words(words);
        return null;
    }

    private void refused(Authentication words, Refusal refusal) {
        try {
            if (login.askAgain(words) != null) {
                // With the next turn.
                return;
            }
        } catch (CredentialsException e) {
            refusal.addSuppressed(e);
        }
        throw refusal;
    }

    /** Waits for the right to write, which others give back as soon as they have written. */
    private boolean acquire(Pipeline pipeline) {
        long until = System.nanoTime() + commandNanos;
        while (!pipeline.tryAcquire(false)) {
            if (pipeline.isBroken() || System.nanoTime() - until >= 0) {
                return false;
            }
            LockSupport.parkNanos(GLANCE_NANOS);
        }
        return true;
    }
}
