package dev.holdfast.cache.examples;

import java.util.Locale;

/** Prints what is expected and what came, a line each, and remembers whether all was met. For one thread. */
final class Expectations {
    private int met;
    private int missed;

    void that(String what, boolean is, Object measured) {
        if (is) {
            met++;
        } else {
            missed++;
        }
        System.out.printf(Locale.ROOT, "  %-6s %s: %s%n", is ? "ok" : "MISSED", what, measured);
    }

    /** Prints the sum, and says whether nothing was missed. */
    boolean allMet() {
        System.out.println("expectations: met=" + met + " missed=" + missed);
        return missed == 0 && met > 0;
    }
}
