package dev.holdfast.cache.internal;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The removals by prefix that did not end, for implementations of stores: the next one of the same keys goes on where the last
 * stopped, within five minutes. At most a thousand; the oldest are forgotten first, since one that is never resumed must not keep others from it.
 * Thread-safe.
 */
public final class PrefixScans {
    private static final int MOST = 1_000;
    private static final long LIFE_NANOS = TimeUnit.MINUTES.toNanos(5);

    private final Map<Object, PrefixScan> stopped = new LinkedHashMap<>();

    /** Makes one that knows of none. */
    public PrefixScans() {}

    /**
     * Begins a removal, or goes on with one. Another that begins before it has {@link #failed} goes its own way.
     *
     * @param what the prefix, and whatever else has to be the same for what was done to count; by its {@code equals}
     * @return how far it has come
     */
    public PrefixScan begin(Object what) {
        return begin(what, false);
    }

    /**
     * As {@link #begin}, for one that is done once a round has ended, whoever began it ({@link PrefixScan#isCoveredSince}).
     *
     * @param what as for {@link #begin}
     * @return how far it has come
     */
    public PrefixScan resume(Object what) {
        return begin(what, true);
    }

    private PrefixScan begin(Object what, boolean same) {
        PrefixScan scan = take(what);
        if (scan == null || System.nanoTime() - scan.heardAt() > LIFE_NANOS) {
            return new PrefixScan();
        }
        scan.resume(same);
        return scan;
    }

    private synchronized @Nullable PrefixScan take(Object what) {
        return stopped.remove(what);
    }

    /**
     * Keeps one that failed for the next. One that has done what it was to do is forgotten: what is written from then on is
     * not its matter.
     *
     * @param what as for {@link #begin}
     * @param scan how far it has come
     */
    public synchronized void failed(Object what, PrefixScan scan) {
        if (scan.heardAt() != 0) {
            stopped.put(what, scan);
            if (stopped.size() > MOST) {
                stopped.remove(stopped.keySet().iterator().next());
            }
        }
    }
}
