package dev.holdfast.cache.monitor;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What of one alert is said aloud. An alert flaps when it has changed four times within 15 minutes: from then on it is held open, which is said once, as
 * flapping, in the place of the next change that would end it or alter it. Held open it is until nothing has changed for 15 minutes; then it is said to
 * be over if it is, and what it has come to if it is not. So firing and resolved alternate, and who was told that it flaps is told how that ended. What
 * lasts is repeated every four hours. Pure; of one thread.
 */
final class Discretion {
    private static final int MOST_CHANGES = 4;
    private static final long CALM = Duration.ofMinutes(15).toNanos();
    private static final long REPEAT = Duration.ofHours(4).toNanos();

    private final Deque<Long> changes = new ArrayDeque<>();
    private boolean flapping;
    /** Whether the last that was said is that it fires. */
    private boolean saidFiring;

    private long saidAt;
    private @Nullable Alert last;

    /** Takes what became of the alert, and returns what to say; {@code null} for nothing. */
    @Nullable
    Transition became(Transition transition, long now) {
        last = transition.alert();
        changes.addLast(now);
        forget(now);
        if (flapping) {
            return null;
        }
        // Only what is open can be held open: one that has been said to be over begins once more before that.
        if (changes.size() >= MOST_CHANGES && saidFiring) {
            flapping = true;
            return say(Transition.Kind.FLAPPING, transition.alert().resolvedAt(null), now);
        }
        return say(transition.kind(), transition.alert(), now);
    }

    /** Returns what to say since time has passed; {@code null} for nothing. {@code alert} is the one that lasts, if any. */
    @Nullable
    Transition passed(@Nullable Alert alert, long now) {
        forget(now);
        if (flapping && changes.isEmpty()) {
            flapping = false;
            if (last != null) {
                return alert == null
                        ? say(Transition.Kind.RESOLVED, last, now)
                        : say(Transition.Kind.CHANGED, alert, now);
            }
        }
        if (alert == null || flapping || !saidFiring || now - saidAt < REPEAT) {
            return null;
        }
        return say(Transition.Kind.REPEATED, alert, now);
    }

    private Transition say(Transition.Kind kind, Alert alert, long now) {
        saidFiring = kind != Transition.Kind.RESOLVED;
        saidAt = now;
        return new Transition(kind, alert);
    }

    private void forget(long now) {
        while (!changes.isEmpty() && now - changes.getFirst() > CALM) {
            changes.removeFirst();
        }
    }
}
