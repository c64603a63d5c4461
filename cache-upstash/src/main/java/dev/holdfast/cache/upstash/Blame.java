package dev.holdfast.cache.upstash;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * Which commands broke connections of late that they had for themselves. One that does so again and again, while no other does, is to
 * blame; where others do, it is whatever stands before the database. Thread-safe.
 */
final class Blame {
    private static final int REPEATS = 3;
    private static final int LARGE_BYTES = 64 * 1024;
    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int KEPT = 16;

    private record Break(int command, boolean large, long at) {}

    /** The latest last; guarded by itself. */
    private final Deque<Break> breaks = new ArrayDeque<>(KEPT);

    /** How often a command is repeated by itself before it is blamed: what is large breaks connections by its size, and takes its time. */
    static int repeats(Command command) {
        return isLarge(command) ? 1 : REPEATS;
    }

    private static boolean isLarge(Command command) {
        return command.json().length >= LARGE_BYTES;
    }

    /** Notes that a connection broke under a command that had it for itself. */
    void broke(Command command, long now) {
        synchronized (breaks) {
            if (breaks.size() == KEPT) {
                breaks.removeFirst();
            }
            breaks.addLast(new Break(hash(command), isLarge(command), now));
        }
    }

    /** Whether another command did so of late. What is large acquits nothing that is large: it is their size that is not taken. */
    boolean isOfOthers(Command command, long now) {
        int own = hash(command);
        synchronized (breaks) {
            boolean large = isLarge(command);
            return breaks.stream()
                    .anyMatch(
                            each -> each.command() != own && !(large && each.large()) && now - each.at() < FRESH_NANOS);
        }
    }

    private static int hash(Command command) {
        return Arrays.hashCode(command.json());
    }
}
