package dev.holdfast.cache.cluster;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * How far the removal of a prefix has come on each master, so that one which ran out of time goes on where it stopped. It is of use
 * while the slots are where they were, and for five minutes. Of one thread at a time.
 */
final class PrefixProgress {
    private static final long LIFE_NANOS = TimeUnit.MINUTES.toNanos(5);
    private static final String START = "0";

    private final String signature;
    private final Map<Node, String> cursors = new HashMap<>();
    private final Set<Node> done = new HashSet<>();
    private long movedAt = System.nanoTime();

    /**
     * Begins.
     *
     * @param signature where the slots are
     */
    PrefixProgress(String signature) {
        this.signature = signature;
    }

    /** Whether it may be gone on with. */
    boolean isOf(String present) {
        return signature.equals(present) && System.nanoTime() - movedAt < LIFE_NANOS;
    }

    /** Where to go on; what SCAN is to be given. */
    String cursor(Node master) {
        return cursors.getOrDefault(master, START);
    }

    boolean isDone(Node master) {
        return done.contains(master);
    }

    /** Notes that a page is dealt with, and where the next is; the first again after the last. */
    void moved(Node master, String next) {
        movedAt = System.nanoTime();
        cursors.put(master, next);
        if (next.equals(START)) {
            done.add(master);
        }
    }

    /** Has every master gone over again. */
    void again() {
        cursors.clear();
        done.clear();
    }

    /** How many masters are done. */
    int doneCount() {
        return done.size();
    }
}
