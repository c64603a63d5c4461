package dev.holdfast.cache.upstash;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * Which commands broke connections of late that they had for themselves. One that does so again and again, while no other does, is to
 * blame; where others do, it is whatever stands before the database. What is large breaks connections by its size, unless something as large is
 * answered, so that all that is as large is alike. Nothing is held against a command for longer than ten seconds, nor is it suspect once it, or one
 * like it, was answered. Thread-safe.
 */
final class Blame {
    private static final int REPEATS = 3;
    private static final int REPEATS_OF_LARGE = 1;
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int KEPT = 16;
    private static final int NONE = Integer.MAX_VALUE;

    private record Break(int command, boolean large, long at) {}

    /** A small command, by its hash. */
    private record Suspect(int command, boolean judged, long at) {}

    // All guarded by this; the latest last.
    private final Deque<Break> breaks = new ArrayDeque<>(KEPT);
    private final Deque<Suspect> suspects = new ArrayDeque<>(KEPT);

    // From how many bytes on a command is suspect, or like one that was blamed.
    private int suspectBytes = NONE;
    private int judgedBytes = NONE;
    private long largeBrokeAt;

    // The largest that was answered.
    private int answeredBytes;
    private long answeredAt;

    /** Whether nobody is suspect, so that calls need not look. */
    private volatile boolean clear = true;

    /** How often a command is repeated before it is blamed: one that breaks connections by its size does so each time. */
    synchronized int repeats(Command command, long now) {
        return isOfItsSize(command, now) ? REPEATS_OF_LARGE : REPEATS;
    }

    /** Whether its size may be what breaks connections. */
    private boolean isOfItsSize(Command command, long now) {
        return command.isLarge() && !(answeredBytes >= bytes(command) && isFresh(answeredAt, now));
    }

    /** Notes that a connection broke under a command that had it for itself. */
    synchronized void broke(Command command, long now) {
        if (breaks.size() == KEPT) {
            breaks.removeFirst();
        }
        breaks.addLast(new Break(hash(command), command.isLarge(), now));
        suspect(command, false, now);
    }

    /** Notes that a command was blamed: those like it need not break as many connections. */
    synchronized void judged(Command command, long now) {
        suspect(command, true, now);
    }

    private void suspect(Command command, boolean judged, long now) {
        forget(now);
        clear = false;
        if (command.isLarge()) {
            suspectBytes = Math.min(suspectBytes, bytes(command));
            judgedBytes = judged ? Math.min(judgedBytes, bytes(command)) : judgedBytes;
            largeBrokeAt = now;
            return;
        }
        int hash = hash(command);
        boolean wasJudged = suspects.stream().anyMatch(each -> each.command() == hash && each.judged());
        suspects.removeIf(each -> each.command() == hash);
        if (suspects.size() == KEPT) {
            suspects.removeFirst();
        }
        suspects.addLast(new Suspect(hash, judged || wasJudged, now));
    }

    private void forget(long now) {
        suspects.removeIf(each -> !isFresh(each.at(), now));
        if (!isFresh(largeBrokeAt, now)) {
            suspectBytes = NONE;
            judgedBytes = NONE;
        }
        clear = suspects.isEmpty() && suspectBytes == NONE;
    }

    /** Notes that a command was answered. */
    void answered(Command command, long now) {
        if (clear && !command.isLarge()) {
            return;
        }
        synchronized (this) {
            forget(now);
            if (!command.isLarge()) {
                int hash = hash(command);
                suspects.removeIf(each -> each.command() == hash);
            } else {
                int bytes = bytes(command);
                suspectBytes = bytes >= suspectBytes ? NONE : suspectBytes;
                judgedBytes = bytes >= judgedBytes ? NONE : judgedBytes;
                if (bytes >= answeredBytes || !isFresh(answeredAt, now)) {
                    answeredBytes = bytes;
                    answeredAt = now;
                }
            }
            clear = suspects.isEmpty() && suspectBytes == NONE;
        }
    }

    /** Whether it, or one like it, broke a connection of late, and none like it was answered since. */
    boolean isSuspect(Command command, long now) {
        return !clear && isLikeSuspect(command, false, now);
    }

    /** Whether one like it was blamed of late, and none like it was answered since. */
    boolean isJudged(Command command, long now) {
        return !clear && isLikeSuspect(command, true, now);
    }

    private synchronized boolean isLikeSuspect(Command command, boolean judged, long now) {
        forget(now);
        if (command.isLarge()) {
            return bytes(command) >= (judged ? judgedBytes : suspectBytes);
        }
        int hash = hash(command);
        return suspects.stream().anyMatch(each -> each.command() == hash && (each.judged() || !judged));
    }

    /** Whether another command did so of late. What is large acquits nothing that is large, while it may be their size that is not taken. */
    synchronized boolean isOfOthers(Command command, long now) {
        int own = hash(command);
        boolean ofItsSize = isOfItsSize(command, now);
        return breaks.stream()
                .anyMatch(each -> each.command() != own && !(ofItsSize && each.large()) && isFresh(each.at(), now));
    }

    private static boolean isFresh(long at, long now) {
        return now - at < FRESH_NANOS;
    }

    private static int bytes(Command command) {
        return command.json().length;
    }

    private static int hash(Command command) {
        return Arrays.hashCode(command.json());
    }
}
