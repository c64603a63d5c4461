package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.time.Instant;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Tells of changes under one prefix, at whichever tier serves. A read is covered if it went where the route leads that was present before it was sent, and every
 * key may be read there; the {@link Switchboard} flushes the stamps when it replaces the route. A tier's own tracking begins with the first read that goes
 * there, so servers that only stand by are not connected to for this. For any number of threads.
 */
final class TrackedTiers implements Tracking {
    private final FastPath calls;
    private final Switchboard switchboard;
    private final String prefix;
    private final Stamps stamps;
    private final boolean possible;
    private final Instant since = Instant.now();
    private final ReentrantLock lock = new ReentrantLock();
    private final AtomicReferenceArray<@Nullable Told> tiers;
    private volatile boolean closed;

    /**
     * Who tells of changes at a tier.
     *
     * @param store the tier's store; of a memory, the instance that was in use
     */
    private record Told(CacheStore store, Tracking tracking) {}

    private TrackedTiers(FastPath calls, Switchboard switchboard, List<Tier> tiers, String prefix, Stamps stamps) {
        this.calls = calls;
        this.switchboard = switchboard;
        this.prefix = prefix;
        this.stamps = stamps;
        this.tiers = new AtomicReferenceArray<>(tiers.size());
        boolean servers = false;
        boolean tells = false;
        for (Tier tier : tiers) {
            if (tier.remote) {
                servers = true;
                tells |= of(tier, tier.store()).isPossible();
            }
        }
        this.possible = tells || !servers;
    }

    static TrackedTiers begin(FastPath calls, Switchboard switchboard, List<Tier> tiers, String prefix, Stamps stamps) {
        TrackedTiers tracked = new TrackedTiers(calls, switchboard, tiers, prefix, stamps);
        switchboard.track(stamps);
        return tracked;
    }

    private Tracking of(Tier tier, CacheStore present) {
        Told told = tiers.get(tier.index);
        return told != null && told.store() == present ? told.tracking() : begin(tier, present);
    }

    private Tracking begin(Tier tier, CacheStore present) {
        lock.lock();
        try {
            Told told = tiers.get(tier.index);
            if (told == null || told.store() != present) {
                Told next = new Told(present, present.track(prefix, stamps));
                tiers.set(tier.index, next);
                if (told != null) {
                    told.tracking().close();
                }
                told = next;
            }
            if (closed) {
                told.tracking().close();
            }
            return told.tracking();
        } finally {
            lock.unlock();
        }
    }

    /** Reads at a tier's store. */
    Covered at(CacheStore place, String key) {
        Route route = switchboard.route();
        return isCovered(route, place) ? of(route.tier(), place).get(key) : new Covered(place.getShared(key), null);
    }

    /** Reads several keys at a tier's store. */
    Map<String, Covered> at(CacheStore place, Collection<String> keys) {
        Route route = switchboard.route();
        return isCovered(route, place) ? of(route.tier(), place).getAll(keys) : Covered.all(null, place.getAll(keys));
    }

    private boolean isCovered(Route route, CacheStore place) {
        return !closed && route.reads() && route.store() == place;
    }

    static Map<String, byte[]> values(Map<String, Covered> found) {
        Map<String, byte[]> values = new LinkedHashMap<>();
        found.forEach((key, each) -> {
            byte[] value = each.value();
            if (value != null) {
                values.put(key, value);
            }
        });
        return values;
    }

    @Override
    public Covered get(String key) {
        return calls.covered(this, key);
    }

    @Override
    public Map<String, Covered> getAll(Collection<String> keys) {
        return calls.covered(this, keys);
    }

    /** {@inheritDoc} Of servers some can; where there are none, the memory does. */
    @Override
    public boolean isPossible() {
        return possible;
    }

    /** {@inheritDoc} As at the serving tier. */
    @Override
    public State state() {
        Route route = switchboard.route();
        Told told = tiers.get(route.tier().index);
        if (!route.reads()) {
            return new State(Kind.INTERRUPTED, since, "something is to be removed from the tier " + route.tier().name);
        }
        if (told == null || told.store() != route.store()) {
            return new State(Kind.INTERRUPTED, since, null);
        }
        return told.tracking().state();
    }

    @Override
    public void close() {
        closed = true;
        switchboard.untrack(stamps);
        lock.lock();
        try {
            for (int i = 0; i < tiers.length(); i++) {
                Told told = tiers.get(i);
                if (told != null) {
                    told.tracking().close();
                }
            }
        } finally {
            lock.unlock();
        }
    }
}
