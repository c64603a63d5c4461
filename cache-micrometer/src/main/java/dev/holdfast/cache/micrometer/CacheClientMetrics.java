package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.client.CacheClient;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.IdentityHashMap;
import java.util.Objects;

/**
 * The meters of one client: its caches, those that are opened later as well, its tiers, and the commands that it sends to servers.
 * {@code docs/micrometer.md} lists them.
 *
 * <p>Counters of caches begin where the caches were opened, the others where a registry is bound; none ever falls, whatever statistics are reset. A
 * cache's meters go when it is closed, a node's when it leaves the cluster, all when the client or this is closed.
 *
 * <p>No key, value or secret is in a tag; servers' addresses are, of meters whose names begin with {@code db.client}. Clients of the same name in
 * one registry are told apart by a number behind it.
 *
 * <p>For any number of threads.
 */
public final class CacheClientMetrics implements MeterBinder, AutoCloseable {
    private final CacheClient client;
    private final Tags tags;
    /** By identity: a registry's {@code equals} is foreign. Guarded by itself. */
    private final IdentityHashMap<MeterRegistry, Binding> bindings = new IdentityHashMap<>();

    private boolean closed;

    private CacheClientMetrics(CacheClient client, Tags tags) {
        this.client = client;
        this.tags = tags;
    }

    /**
     * Makes the meters of a client, which are in no registry yet.
     *
     * @param client the client
     * @return its meters
     */
    public static CacheClientMetrics of(CacheClient client) {
        return new CacheClientMetrics(Objects.requireNonNull(client, "client"), Tags.empty());
    }

    /**
     * Derives meters with more tags, bound nowhere yet. They are on all meters but those whose names begin with {@code cache.}, which other
     * caches have too, and Prometheus wants the same keys on all of one name; there only {@code cache.manager} counts, which is the
     * client's name otherwise. A key that Holdfast uses itself keeps Holdfast's value.
     *
     * @param more the tags
     * @return the derived meters
     */
    public CacheClientMetrics withTags(Tags more) {
        return new CacheClientMetrics(client, tags.and(more));
    }

    /**
     * Puts the meters into a registry; does nothing if they are in it.
     *
     * @param registry the registry
     * @throws IllegalStateException if the client or this is closed
     */
    @Override
    public void bindTo(MeterRegistry registry) {
        synchronized (bindings) {
            if (closed) {
                throw new IllegalStateException("the meters of the cache client " + client.name() + " are closed");
            }
            if (!bindings.containsKey(registry)) {
                bindings.put(registry, Binding.of(client, tags, registry));
            }
        }
    }

    /** Takes the meters out of every registry. Idempotent. */
    @Override
    public void close() {
        synchronized (bindings) {
            closed = true;
            bindings.values().forEach(Binding::close);
            bindings.clear();
        }
    }
}
