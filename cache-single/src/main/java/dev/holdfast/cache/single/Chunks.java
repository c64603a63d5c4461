package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.KeyFailures;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Cuts up what is too much for one command, so that the calls of others are answered in between. */
final class Chunks {
    private static final int MOST = 1_000;
    private static final long MOST_BYTES = 256 * 1024;

    private Chunks() {}

    /** Does one piece. */
    @FunctionalInterface
    interface Work {
        void on(int index, List<String> chunk, long end);
    }

    /** Cuts into pieces of at most a thousand. */
    static <T> List<List<T>> of(List<T> all) {
        List<List<T>> chunks = new ArrayList<>();
        for (int from = 0; from < all.size(); from += MOST) {
            chunks.add(all.subList(from, Math.min(from + MOST, all.size())));
        }
        return chunks;
    }

    /** Cuts into pieces of at most a thousand and a bearable size; what is large is a piece by itself. */
    static List<List<Request>> bySize(List<Request> all) {
        List<List<Request>> pieces = new ArrayList<>();
        List<Request> piece = new ArrayList<>();
        long bytes = 0;
        for (Request each : all) {
            if (!piece.isEmpty() && (piece.size() == MOST || bytes + each.bytes() >= MOST_BYTES)) {
                pieces.add(piece);
                piece = new ArrayList<>();
                bytes = 0;
            }
            piece.add(each);
            bytes += each.bytes();
        }
        if (!piece.isEmpty()) {
            pieces.add(piece);
        }
        return pieces;
    }

    /**
     * Does piece after piece. If one fails, those after it fail with it.
     *
     * @param end when all must have ended
     * @param found what is told of a read that failed in part
     */
    static void each(List<String> all, long end, Work work, Map<String, byte[]> found) {
        List<List<String>> chunks = of(all);
        for (int i = 0; i < chunks.size(); i++) {
            try {
                work.on(i, chunks.get(i), end);
            } catch (CacheUnavailableException e) {
                KeyFailures failures = new KeyFailures();
                failures.addAll(all.subList(i * MOST, all.size()), e);
                failures.throwIfAny(found);
            }
        }
    }
}
