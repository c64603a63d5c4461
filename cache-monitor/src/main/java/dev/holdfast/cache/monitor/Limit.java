package dev.holdfast.cache.monitor;

/**
 * A bound of one severity: beyond it an alert is raised, and back beyond the other it is cleared; in between it stays what it is.
 *
 * @param severity the severity
 * @param side where values are a reason to raise
 * @param raise the bound, which is not beyond itself
 * @param clear where it is cleared; the bound included
 */
record Limit(Severity severity, Side side, double raise, double clear) {

    /** Which values are bad. */
    enum Side {
        BELOW,
        ABOVE
    }

    /** Whether a value is a reason to raise. */
    boolean isBeyond(double value) {
        return side == Side.BELOW ? value < raise : value > raise;
    }

    boolean isClear(double value) {
        return side == Side.BELOW ? value >= clear : value <= clear;
    }
}
