package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.testkit.FlakyStore.Call;
import dev.holdfast.cache.testkit.FlakyStore.Effect;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What a {@link ScriptedStore} does next, and what it has done. All state is guarded by one lock; no operation runs under it. */
final class FlakyStoreScript {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private enum Kind {
        PASS,
        NOT_SENT,
        APPLIED,
        PENDING,
        HANG,
        HOLD_REPLY
    }

    /** What one call does. */
    record Step(
            Kind kind,
            @Nullable Supplier<? extends CacheException> exception,
            @Nullable ProbeResult result) {
        private static final Step PASS = new Step(Kind.PASS, null, null);
        static final Step HANG = new Step(Kind.HANG, null, null);
        static final Step HOLD_REPLY = new Step(Kind.HOLD_REPLY, null, null);

        static Step failing(Reason reason, Effect effect) {
            Kind kind =
                    switch (effect) {
                        case NOT_SENT, LOST -> Kind.NOT_SENT;
                        case APPLIED -> Kind.APPLIED;
                        case PENDING -> Kind.PENDING;
                    };
            boolean unknown = effect != Effect.NOT_SENT;
            Objects.requireNonNull(reason, "reason");
            return new Step(kind, () -> failure(reason, null, unknown), null);
        }

        static Step throwing(Supplier<? extends CacheException> exception) {
            return new Step(Kind.NOT_SENT, Objects.requireNonNull(exception, "exception"), null);
        }

        static Step answering(ProbeResult result) {
            return new Step(Kind.PASS, null, Objects.requireNonNull(result, "result"));
        }

        CacheException thrown() {
            return Objects.requireNonNull(exception).get();
        }
    }

    private record Pending(Call call, Runnable work) {}

    /** A call that hangs, and how it ends. */
    private static final class Hanging {
        boolean over;

        @Nullable
        CacheException failure;
    }

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<Step> callSteps = new ArrayDeque<>();
    private final Deque<Step> probeSteps = new ArrayDeque<>();
    private final List<Hanging> hanging = new ArrayList<>();
    private final List<Pending> pending = new ArrayList<>();
    private final List<Call> calls = new ArrayList<>();
    private final boolean interruptible;
    private Step standing = Step.PASS;
    private Step standingProbe = Step.PASS;

    /** @param interruptible whether a thread that is interrupted is refused before a call */
    FlakyStoreScript(boolean interruptible) {
        this.interruptible = interruptible;
    }

    private static CacheUnavailableException failure(Reason reason, @Nullable Throwable cause, boolean outcomeUnknown) {
        String message = "flaky: " + reason + " by script";
        return reason == Reason.TIMEOUT
                ? new CacheTimeoutException(message, cause, outcomeUnknown)
                : new CacheUnavailableException(message, cause, reason, outcomeUnknown);
    }

    <T extends @Nullable Object> T run(Call call, Supplier<T> work) {
        refuseIfInterrupted();
        Step step = begin(call, callSteps, false);
        switch (step.kind()) {
            case PASS -> {
                return work.get();
            }
            case HANG -> {
                hang();
                return work.get();
            }
            case HOLD_REPLY -> {
                T result = work.get();
                hang();
                return result;
            }
            case APPLIED -> applyUnseen(work);
            case PENDING -> locked(() -> pending.add(new Pending(call, () -> applyUnseen(work))));
            case NOT_SENT -> {}
        }
        throw step.thrown();
    }

    /** Applies an operation whose result nobody learns, as with a server that lost its client. */
    private static <T extends @Nullable Object> void applyUnseen(Supplier<T> work) {
        try {
            T unused = work.get();
        } catch (CacheException e) {
            // Refused, which nobody learns either.
        }
    }

    ProbeResult probe(Supplier<ProbeResult> work) {
        refuseIfInterrupted();
        Step step = begin(new Call("probe", List.of()), probeSteps, true);
        if (step.kind() != Kind.PASS) {
            throw step.thrown();
        }
        ProbeResult result = work.get();
        return step.result() == null ? result : step.result();
    }

    private void refuseIfInterrupted() {
        if (interruptible && Thread.currentThread().isInterrupted()) {
            throw new CacheInterruptedException("flaky: interrupted before the call", null);
        }
    }

    private Step begin(Call call, Deque<Step> steps, boolean probe) {
        return locked(() -> {
            calls.add(call);
            Step next = steps.poll();
            return next != null ? next : probe ? standingProbe : standing;
        });
    }

    private void hang() {
        Hanging self = new Hanging();
        lock.lock();
        try {
            hanging.add(self);
            changed.signalAll();
            while (!self.over) {
                changed.await();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CacheInterruptedException("flaky: interrupted while the call hung", e);
        } finally {
            hanging.remove(self);
            lock.unlock();
        }
        if (self.failure != null) {
            throw self.failure;
        }
    }

    private void endHanging(Supplier<? extends @Nullable CacheException> failure) {
        for (Hanging each : hanging) {
            if (!each.over) {
                each.failure = failure.get();
                each.over = true;
            }
        }
        changed.signalAll();
    }

    void release() {
        locked(() -> endHanging(() -> null));
    }

    void fail(Reason reason, @Nullable Throwable cause) {
        locked(() -> {
            if (reason == Reason.DISCONNECTED) {
                pending.clear();
            }
            endHanging(() -> failure(reason, cause, true));
        });
    }

    void kill() {
        locked(() -> {
            standing = Step.failing(Reason.CONNECTION, Effect.NOT_SENT);
            standingProbe = standing;
            pending.clear();
            endHanging(() -> failure(Reason.CONNECTION, null, true));
        });
    }

    void freeze() {
        locked(() -> {
            standing = Step.HANG;
            standingProbe = Step.failing(Reason.TIMEOUT, Effect.LOST);
        });
    }

    void heal() {
        locked(() -> {
            standing = Step.PASS;
            standingProbe = Step.PASS;
            callSteps.clear();
            probeSteps.clear();
            endHanging(() -> null);
        });
    }

    boolean isDown() {
        return locked(() -> standing.kind() != Kind.PASS);
    }

    void appendCalls(int count, Step step) {
        locked(() -> append(callSteps, count, step));
    }

    void appendProbes(int count, Step step) {
        locked(() -> append(probeSteps, count, step));
    }

    private static void append(Deque<Step> steps, int count, Step step) {
        for (int i = 0; i < count; i++) {
            steps.add(step);
        }
    }

    int hanging() {
        return locked(hanging::size);
    }

    void awaitHanging(int count) {
        if (!Polling.until(PATIENCE, () -> hanging() >= count)) {
            throw new AssertionError("waited 20 s for " + count + " calls to hang; " + hanging() + " do");
        }
    }

    List<Call> pending() {
        return locked(() -> pending.stream().map(Pending::call).toList());
    }

    /** Takes an operation off the list; to be run outside the lock. */
    Runnable takePending(int index) {
        return locked(() -> pending.remove(index)).work();
    }

    List<Call> calls() {
        return locked(() -> List.copyOf(calls));
    }

    void clearCalls() {
        locked(calls::clear);
    }

    private void locked(Runnable body) {
        lock.lock();
        try {
            body.run();
        } finally {
            lock.unlock();
        }
    }

    private <T> T locked(Supplier<T> body) {
        lock.lock();
        try {
            return body.get();
        } finally {
            lock.unlock();
        }
    }
}
