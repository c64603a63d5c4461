package dev.holdfast.cache.single;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where removals by prefix stopped that did not end: the next one of the same prefix begins there, and comes to what was
 * looked at already last. Thread-safe.
 */
final class PrefixScans {
    private static final int MOST = 1_000;

    private final Map<String, Long> stopped = new LinkedHashMap<>();

    synchronized PrefixScan begin(String prefix) {
        Long cursor = stopped.remove(prefix);
        return new PrefixScan(cursor == null ? 0 : cursor);
    }

    synchronized void end(String prefix, PrefixScan scan) {
        if (!scan.isComplete()) {
            stopped.put(prefix, scan.cursor());
            if (stopped.size() > MOST) {
                // The oldest: one that is never resumed must not keep others from it.
                stopped.remove(stopped.keySet().iterator().next());
            }
        }
    }
}
