package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.internal.DeadlineWatch;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntSupplier;

/** How callers wait whose calls are not sent or not answered yet, and what becomes of those that wait no more. Thread-safe. */
final class Waits {
    /** How long a call that was not sent sleeps before it looks for a connection among all; doubled each time. */
    static final long FIRST_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    static final long LONGEST_NAP_NANOS = TimeUnit.MILLISECONDS.toNanos(64);

    /** How long a call waits for the next attempt to connect. */
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final Pipelines pipelines;
    private final Dials dials;
    private final JedisErrors errors;
    private final IntSupplier waiting;
    private final Runnable handToOthers;
    private final int size;
    private final long connectNanos;
    private final long commandNanos;
    private final LongAdder exhausted = new LongAdder();
    private final Map<Thread, Call> sleepers = new ConcurrentHashMap<>();
    private final DeadlineWatch<Call> alarm;

    /**
     * Creates one.
     *
     * @param threads runs the alarm
     * @param waiting how many calls were not sent yet
     * @param handToOthers has others do what a caller that leaves was to do for them
     */
    Waits(
            SingleConfig config,
            Pipelines pipelines,
            Dials dials,
            JedisErrors errors,
            Executor threads,
            IntSupplier waiting,
            Runnable handToOthers) {
        this.pipelines = pipelines;
        this.dials = dials;
        this.errors = errors;
        this.waiting = waiting;
        this.handToOthers = handToOthers;
        this.size = config.poolSize();
        this.connectNanos = config.connectTimeout().toNanos();
        this.commandNanos = config.commandTimeout().toNanos();
        this.alarm = new DeadlineWatch<>(sleepers.values(), Call::alarmAt, (call, until) -> call.wake(), threads);
    }

    /** How many calls found no connection in time. */
    long exhausted() {
        return exhausted.sum();
    }

    void stop() {
        alarm.stop();
    }

    /**
     * Sleeps until there may be something to do.
     *
     * @return whether the caller was interrupted meanwhile, though it must wait on
     */
    boolean rest(Call call, long start, long nap) {
        if (call.isPending()) {
            long left = patience(call, start) - System.nanoTime();
            failAtOnceIfNobodyConnects(call);
            if (left <= 0) {
                giveUpUnsent(call, start);
            } else {
                sleep(call, call.leads() ? Math.min(left, nap) : left);
            }
        } else if (call.isSent()) {
            long left = call.deadline() - System.nanoTime();
            if (left <= 0) {
                giveUp(call);
            } else {
                sleep(call, left);
            }
        }
        return Thread.interrupted() && interrupted(call);
    }

    /** May return early. Virtual threads share an alarm: a timer for each costs as much as the rest of a call. */
    private void sleep(Call call, long nanos) {
        if (call.leads()) {
            call.park(nanos);
            return;
        }
        Thread caller = Thread.currentThread();
        long until = System.nanoTime() + nanos;
        call.alarmAt(until);
        sleepers.put(caller, call);
        try {
            alarm.expect(until);
            call.park();
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            // No thread for the alarm.
            call.park(nanos);
        } finally {
            sleepers.remove(caller);
        }
    }

    private boolean interrupted(Call call) {
        boolean unsent = call.leaveUnsent();
        if (unsent || (call.readOnly() && call.leave())) {
            handToOthers.run();
            throw errors.interrupted(null, !unsent);
        }
        return true;
    }

    /** While attempts to connect keep failing, who comes waits for the next only if it is soon. */
    private void failAtOnceIfNobodyConnects(Call call) {
        CacheUnavailableException failure = dials.lastFailure();
        if (failure != null
                && pipelines.all().length == 0
                && !dials.isConnecting()
                && dials.pause() > LONGEST_PAUSE_NANOS
                && call.leaveUnsent()) {
            handToOthers.run();
            throw errors.again(failure, false);
        }
    }

    /** When a call that was not sent gives up: half of its time is for its reply, unless it is connecting that takes so long. */
    private long patience(Call call, long start) {
        long until = call.until();
        long patience = start + Math.min(commandNanos / 2, (until - start) / 2);
        if (dials.isConnecting()) {
            return until - patience < connectNanos ? until : patience + connectNanos;
        }
        long openedAt = pipelines.openedAt();
        if (openedAt != 0 && openedAt - start > 0) {
            // What was waited for is there: it is not given up at the very moment.
            long again = openedAt + Math.min(commandNanos / 2, (until - openedAt) / 2);
            return again - patience > 0 ? again : patience;
        }
        return patience;
    }

    private void giveUpUnsent(Call call, long start) {
        if (call.leaveUnsent()) {
            handToOthers.run();
            exhausted.increment();
            throw errors.exhausted(System.nanoTime() - start, pipelines.all().length, size, waiting.getAsInt());
        }
    }

    /**
     * Ends the wait for a reply. A connection that had the whole command timeout is reset; so is one that has a write under
     * way of which nobody would know whether it comes later. A mere reader with less time just goes.
     */
    private void giveUp(Call call) {
        Pipeline pipeline = call.pipeline();
        if (!call.limited() || !call.readOnly()) {
            if (!pipeline.isBroken()) {
                pipeline.link().reset(call.limited() ? CloseReason.CALLER_OVERDUE : CloseReason.OVERDUE);
            }
            // Also of one that is broken already: an Error may have kept whoever broke it from telling all.
            pipeline.fail(new IOException("overdue"));
            // Answered by now, or as soon as its reader has noticed.
            call.park(LONGEST_NAP_NANOS);
            // Unless its connection does not know of it: an Error may have come to whoever was about to send it.
            if (pipeline.isBroken() && call.leave()) {
                handToOthers.run();
                throw errors.lost(null, pipeline.link().closeReason(), true);
            }
        } else if (call.leave()) {
            handToOthers.run();
            throw errors.lost(null, CloseReason.CALLER_OVERDUE, true);
        }
    }
}
