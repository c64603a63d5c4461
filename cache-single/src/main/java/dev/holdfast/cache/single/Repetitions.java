package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.SparedKeys;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Decides which calls are sent again, and how often. Thread-safe. */
final class Repetitions {
    /** Sends a call and waits for its reply. */
    interface Sending {
        @Nullable
        Object answer(Call call, long start);
    }

    /** How often a call is repeated by itself whose connection the other side closed: chance hits the same small call hardly as often. */
    private static final int REPEATS = 3;

    /** So long a call is repeated whose connections are silent. */
    private static final long SILENCES_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** And a large one, which was by itself from the start. */
    private static final int LARGE_REPEATS = 1;

    private final Pipelines pipelines;
    private final Dials dials;
    private final Restarts restarts;
    private final JedisErrors errors;
    private final Sending sending;
    private final long commandNanos;
    private final byte[] nobody;

    Repetitions(
            SingleConfig config,
            Pipelines pipelines,
            Dials dials,
            Restarts restarts,
            JedisErrors errors,
            Sending sending) {
        this.pipelines = pipelines;
        this.dials = dials;
        this.restarts = restarts;
        this.errors = errors;
        this.sending = sending;
        this.commandNanos = config.commandTimeout().toNanos();
        this.nobody = config.keyPrefix().encodeKey(SparedKeys.CANARY + "nobody");
    }

    /**
     * Repeats a call whose connection broke, if it may be, on connections that it shares with nobody. If the other side closes each
     * of them, though it closes no others meanwhile and answers another call of the same kind, it is this call that it can't bear.
     */
    Answered repeated(Call first, List<Request> commands, boolean plural, CacheUnavailableException broken) {
        noteClosed(first);
        if (!isRepeatable(first, commands)) {
            throw broken;
        }
        long bytes = commands.stream().mapToLong(Request::bytes).sum();
        int most = bytes >= Call.LARGE_BYTES ? LARGE_REPEATS : REPEATS;
        long lostBefore = pipelines.lost();
        CacheUnavailableException last = broken;
        List<Call> attempts = new ArrayList<>(most);
        int repeats = 0;
        boolean closed = true;
        boolean elsewhere = true;
        long start = System.nanoTime();
        while (elsewhere && repeats < most && first.until() - System.nanoTime() > 0) {
            Call again = Call.again(commands, plural, first.until());
            attempts.add(again);
            repeats++;
            try {
                return new Answered(again, sending.answer(again, System.nanoTime()));
            } catch (CacheUnavailableException e) {
                if (restarts.holds()) {
                    // Not sent again, and what became of the first is as unknown as before.
                    throw broken;
                }
                last = e;
                Lost lost = again.lost();
                closed &= lost != null && lost.closedByServer();
                if (pipelines.lost() - lostBefore > repeats) {
                    noteClosed(again);
                }
                // Silence takes its time, so it is not met again and again.
                elsewhere = lost != null
                        && lost.elsewhere()
                        && (lost.closedByServer() || System.nanoTime() - start < SILENCES_NANOS);
            }
        }
        boolean others = pipelines.lost() - lostBefore > repeats;
        if (closed && repeats == most && !others && getsThrough(commands.get(0).witness(nobody), first.until())) {
            throw errors.unbearable(last, bytes, 1 + repeats);
        }
        // Not before, if only this call's break: whoever asks for what can't be borne has no other caller wait for a
        // connection.
        attempts.forEach(this::noteClosed);
        // The first attempt may have been applied, whatever became of the others.
        boolean readOnly = commands.stream().allMatch(Request::readOnly);
        throw readOnly || last.outcomeUnknown() ? last : errors.again(last, true);
    }

    private void noteClosed(Call attempt) {
        Lost lost = attempt.lost();
        if (lost != null && lost.closedByServer()) {
            dials.closedUnderCall(attempt.pipeline().link(), lost);
        }
    }

    /** The reply to a call that was repeated, and the repetition that got it. */
    record Answered(Call by, @Nullable Object reply) {}

    private static boolean isRepeatable(Call first, List<Request> commands) {
        Lost lost = first.lost();
        return lost != null && lost.elsewhere() && commands.stream().allMatch(Request::harmless);
    }

    /** Whether another call is answered, whatever the answer is. */
    private boolean getsThrough(@Nullable Request witness, long until) {
        if (witness == null) {
            return false;
        }
        long now = System.nanoTime();
        try {
            Object unused = sending.answer(
                    Call.again(List.of(witness), false, until - now < commandNanos ? until : now + commandNanos), now);
            return true;
        } catch (CacheException e) {
            return false;
        }
    }
}
