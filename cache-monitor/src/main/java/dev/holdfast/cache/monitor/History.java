package dev.holdfast.cache.monitor;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** The samples of the last hour: all of the last two minutes, and one of each minute before. For any number of threads. */
final class History {
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    private static final long FINE = 2 * MINUTE;
    private static final long KEPT = 61 * MINUTE;

    private final Deque<Sample> fine = new ArrayDeque<>();
    private final Deque<Sample> coarse = new ArrayDeque<>();

    synchronized void add(Sample sample) {
        fine.addLast(sample);
        while (sample.nanos() - fine.getFirst().nanos() > FINE) {
            Sample old = fine.removeFirst();
            if (coarse.isEmpty() || old.nanos() - coarse.getLast().nanos() >= MINUTE) {
                coarse.addLast(old);
            }
        }
        while (!coarse.isEmpty() && sample.nanos() - coarse.getFirst().nanos() > KEPT) {
            coarse.removeFirst();
        }
    }

    /** Returns the youngest sample that is at least so old; the oldest if none is; {@code now} if there is none at all. */
    synchronized Sample before(Sample now, long windowNanos) {
        Sample oldest = now;
        for (Deque<Sample> samples : List.of(fine, coarse)) {
            for (Iterator<Sample> all = samples.descendingIterator(); all.hasNext(); ) {
                oldest = all.next();
                if (now.nanos() - oldest.nanos() >= windowNanos) {
                    return oldest;
                }
            }
        }
        return oldest;
    }

    /** Returns samples about a minute apart, the oldest first, the last of them {@code now}: the ends of {@code n} minutes and the begin of the first. */
    List<Sample> minutes(Sample now, int n) {
        NavigableMap<Long, Sample> minutes = new TreeMap<>();
        for (int back = 0; back <= n; back++) {
            Sample sample = back == 0 ? now : before(now, back * MINUTE);
            minutes.put(sample.nanos() - now.nanos(), sample);
        }
        return List.copyOf(minutes.values());
    }
}
