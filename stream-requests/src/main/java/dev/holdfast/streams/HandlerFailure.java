package dev.holdfast.streams;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;

/**
 * What a handler threw. It is foreign code: its message, its causes and its stack trace may throw themselves, be endless, or need more stack than there is, and none of that
 * may keep an attempt from having failed.
 */
final class HandlerFailure {
    private static final int MOST_CAUSES = 50;

    private HandlerFailure() {}

    /** Its type, and its innermost message as {@link Trouble#shown} has it. Throws nothing. */
    static String reason(Throwable failure) {
        return failure.getClass().getName() + ": " + Trouble.shown(failure);
    }

    /** Logs it with its trace, or, if that can't be or has no end, with its reason. Throws nothing. */
    static void log(Logger log, String what, Throwable failure) {
        try {
            if (hasFewCauses(failure)) {
                log.warn(what, failure);
            } else {
                log(log, what + ": " + reason(failure));
            }
        } catch (Throwable traceless) {
            log(log, what + ": " + reason(failure));
        }
    }

    /** Whether it has {@value #MOST_CAUSES} causes and suppressed ones at most. A circle has more. */
    private static boolean hasFewCauses(Throwable failure) {
        Deque<Throwable> left = new ArrayDeque<>(List.of(failure));
        for (int seen = 0; !left.isEmpty(); seen++) {
            Throwable next = left.pop();
            Throwable cause = next.getCause();
            if (cause != null) {
                left.push(cause);
            }
            left.addAll(List.of(next.getSuppressed()));
            if (seen + left.size() > MOST_CAUSES) {
                return false;
            }
        }
        return true;
    }

    private static void log(Logger log, String text) {
        try {
            log.warn(text);
        } catch (Throwable silent) {
            // The attempt matters more than its line in the log.
        }
    }
}
