package dev.holdfast.cache.examples;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Prints what is expected and what came, a line each, and remembers what was missed. For one thread. */
final class Expectations {
    private final List<String> missed = new ArrayList<>();
    private final List<String> slow = new ArrayList<>();
    private int met;

    /** What holds on a machine of any speed. */
    void that(String what, boolean is, Object measured) {
        enter(missed, what, is, measured);
    }

    /** What a machine that has other work to do may miss. */
    void inTime(String what, boolean is, Object measured) {
        enter(slow, what, is, measured);
    }

    private void enter(List<String> ifMissed, String what, boolean is, Object measured) {
        if (is) {
            met++;
        } else {
            ifMissed.add(what + ": " + measured);
        }
        System.out.printf(Locale.ROOT, "  %-6s %s: %s%n", is ? "ok" : "MISSED", what, measured);
    }

    /** Prints the sum, and says whether nothing was missed. */
    boolean allMet() {
        System.out.println("expectations: met=" + met + " missed=" + (missed.size() + slow.size()));
        return missed.isEmpty() && slow.isEmpty() && met > 0;
    }

    /** What was missed of what holds on a machine of any speed, with what came instead. */
    List<String> missed() {
        return List.copyOf(missed);
    }
}
