package dev.holdfast.cache.client;

import dev.holdfast.cache.spi.Guard;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Says where tags stand. */
interface TagReader {

    /**
     * Reads where tags stand.
     *
     * @return of each tag, in their order
     */
    Map<String, Known> read(Collection<String> tags);

    /** The same, where the store is asked whatever is kept near. */
    default Map<String, Known> readAnew(Collection<String> tags) {
        return read(tags);
    }

    /**
     * Where a tag stood when it was read.
     *
     * @param number of its {@link Generation}; 0 if it has none
     * @param stripe of its key
     * @param stamp that its stripe had before it was read
     * @param guard what covers a copy; {@code null} if none may be kept
     */
    record Known(
            long number, int stripe, int stamp, @Nullable Guard guard) {
        /** Of one that may not be kept. */
        static Known of(@Nullable Generation generation) {
            return new Known(generation == null ? 0 : generation.number(), 0, 0, null);
        }
    }

    /** What became of the tags of an entry since it was made. */
    enum Standing {
        /** Nothing. */
        UNCHANGED,
        /** One was marked stale, and none was removed. */
        MARKED,
        /** One was removed, or may have been. */
        REMOVED
    }

    /** Compares where the tags of an entry stood when it was made with where they stand. */
    static Standing standing(Map<String, Long> recorded, Map<String, Known> known) {
        Standing standing = Standing.UNCHANGED;
        for (Map.Entry<String, Long> each : recorded.entrySet()) {
            Known now = known.get(each.getKey());
            if (now == null || now.number() == 0) {
                return Standing.REMOVED;
            } else if (now.number() != each.getValue()) {
                if (!Generation.differInCount(now.number(), each.getValue())) {
                    return Standing.REMOVED;
                }
                standing = Standing.MARKED;
            }
        }
        return standing;
    }

    /** Those of them that an entry has. */
    static Map<String, Known> of(Map<String, Long> recorded, Map<String, Known> known) {
        Map<String, Known> its = new LinkedHashMap<>(known);
        its.keySet().retainAll(recorded.keySet());
        return its;
    }
}
