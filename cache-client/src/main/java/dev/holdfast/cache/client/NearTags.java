package dev.holdfast.cache.client;

import com.github.benmanes.caffeine.cache.Caffeine;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Where tags stand, kept near under the stamp and the guard that covered its read, as {@link Near} keeps entries.
 *
 * <p>Nobody who has learnt that a tag was removed is handed an entry from before, whoever reads: a read that finds a tag somewhere else than it was last found
 * outdates all that is kept of it, entries with that tag included.
 */
final class NearTags implements TagReader {
    private static final int MOST = 10_000;

    private final Tracking tracking;
    private final Stamps stamps;
    private final UnaryOperator<String> keys;
    private final ConcurrentMap<String, Known> map;

    /** {@code keys}: makes the store key of a tag. */
    NearTags(Tracking tracking, Stamps stamps, UnaryOperator<String> keys) {
        this.tracking = tracking;
        this.stamps = stamps;
        this.keys = keys;
        this.map =
                Caffeine.newBuilder().maximumSize(MOST).<String, Known>build().asMap();
    }

    @Override
    public Map<String, Known> read(Collection<String> tags) {
        Map<String, Known> known = new LinkedHashMap<>();
        List<String> unknown = new ArrayList<>();
        for (String tag : tags) {
            Known kept = map.get(tag);
            boolean good = kept != null && isGood(kept);
            known.put(tag, good ? kept : Known.of(null));
            if (!good) {
                unknown.add(tag);
            }
        }
        if (!unknown.isEmpty()) {
            known.putAll(readAnew(unknown));
        }
        return known;
    }

    private boolean isGood(Known kept) {
        Guard guard = kept.guard();
        return guard != null && guard.isTracked() && guard.isAlive() && stamps.at(kept.stripe()) == kept.stamp();
    }

    @Override
    public Map<String, Known> readAnew(Collection<String> tags) {
        Map<String, String> storeKeys = new LinkedHashMap<>();
        Map<String, Integer> before = new LinkedHashMap<>();
        for (String tag : tags) {
            String storeKey = keys.apply(tag);
            storeKeys.put(tag, storeKey);
            // Before the read is sent, or a removal in between would not be seen.
            before.put(tag, stamps.at(Stamps.stripe(storeKey)));
        }
        Map<String, Covered> found = tracking.getAll(storeKeys.values());
        Map<String, Known> known = new LinkedHashMap<>();
        storeKeys.forEach((tag, storeKey) -> {
            Covered covered = found.get(storeKey);
            Integer stamp = before.get(tag);
            known.put(tag, learnt(tag, storeKey, covered, stamp == null ? 0 : stamp));
        });
        return known;
    }

    private Known learnt(String tag, String storeKey, @Nullable Covered covered, int stamp) {
        Generation generation = covered == null ? null : Generation.of(covered.value());
        Known now = new Known(
                generation == null ? 0 : generation.number(),
                Stamps.stripe(storeKey),
                stamp,
                covered == null ? null : covered.guard());
        Known kept = map.compute(tag, (same, last) -> {
            if (last == null || last.number() != now.number()) {
                stamps.raise(storeKey);
            }
            return now;
        });
        return kept == null ? now : kept;
    }
}
