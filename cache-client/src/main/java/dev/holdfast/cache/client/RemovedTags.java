package dev.holdfast.cache.client;

import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tags that were removed while a load was under way; beyond a number it counts as if all were. For one thread at a time. */
final class RemovedTags {
    private static final int MOST = 1_000;

    private final Set<String> removed = new HashSet<>(2);

    /** Adds one; {@code null}: to none. */
    static RemovedTags with(@Nullable RemovedTags present, String tag) {
        RemovedTags all = present == null ? new RemovedTags() : present;
        if (all.removed.size() < MOST) {
            all.removed.add(tag);
        }
        return all;
    }

    /** Whether any of these was removed, or may have been. */
    boolean isAnyOf(Collection<String> tags) {
        return !tags.isEmpty() && (removed.size() >= MOST || !Collections.disjoint(removed, tags));
    }
}
