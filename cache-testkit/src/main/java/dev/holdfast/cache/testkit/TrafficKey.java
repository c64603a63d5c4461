package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.jspecify.annotations.Nullable;

/**
 * One key of a {@link Traffic}, whose values are numbered, and its floor, below which no value may be read any more: it is raised when a
 * put or a removal was acknowledged, and to be taken before a read is sent. One thread writes it; any reads it.
 */
final class TrafficKey {
    private static final String PADDING = ";" + "x".repeat(100);

    private final String name;
    private volatile long floor = 1;
    private long version;
    private boolean removed;

    TrafficKey(String name) {
        this.name = name;
    }

    String name() {
        return name;
    }

    long floor() {
        return floor;
    }

    boolean isRemoved() {
        return removed;
    }

    byte[] nextValue() {
        removed = false;
        return (name + '=' + ++version + PADDING).getBytes(UTF_8);
    }

    /** The last value was stored. */
    void stored() {
        floor = version;
    }

    void removed() {
        floor = version + 1;
        removed = true;
    }

    /** Tells whether a value may be read that this floor was taken for. */
    void check(byte @Nullable [] value, long floorBefore, TrafficTally tally) {
        if (value == null) {
            return;
        }
        String text = new String(value, UTF_8);
        int equals = text.indexOf('=');
        int end = text.indexOf(';');
        if (equals < 0 || end < equals || !text.substring(0, equals).equals(name)) {
            tally.wrong(name + " had the value " + text);
            return;
        }
        long read = Long.parseLong(text.substring(equals + 1, end));
        if (read < floorBefore) {
            tally.cameBack(
                    name + " had version " + read + " when nothing below " + floorBefore + " could be read any more");
        }
    }
}
