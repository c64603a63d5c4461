package dev.holdfast.cache.client;

import dev.holdfast.cache.Counter;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Describes a counter of a {@link CacheClient}. For one thread. */
public final class CounterBuilder {
    private final CacheClient client;
    private final String name;
    private @Nullable Duration ttl;
    private boolean serversOnly;

    CounterBuilder(CacheClient client, String name) {
        this.client = client;
        this.name = Objects.requireNonNull(name, "name");
    }

    /**
     * Sets how long the counter lives, from when it is first added to.
     *
     * @param value positive, at most {@link CacheStore#MAX_TTL}, or {@link CacheStore#FOREVER}; by default as the client's policy says. A counter
     *     that exists keeps its own
     * @return this
     * @throws IllegalArgumentException if it is out of these bounds
     */
    public CounterBuilder ttl(Duration value) {
        long unused = CacheStore.ttlMillis(value);
        ttl = value;
        return this;
    }

    /**
     * Keeps the counter on servers: an operation that no server answers fails with a {@link dev.holdfast.cache.CacheUnavailableException} where it would
     * go to this process's memory otherwise, and count apart from what other processes count.
     *
     * @return this
     */
    public CounterBuilder serversOnly() {
        serversOnly = true;
        return this;
    }

    /**
     * Makes the counter. Contacts nothing: counters with the same name are the same, in every process.
     *
     * @return the counter
     * @throws IllegalArgumentException if its name is empty, or begins with {@code #canary:} or holds {@code :#canary:}, as this library's own keys do
     * @throws IllegalStateException if the client is closed
     */
    public Counter build() {
        return client.open(name, ttl == null ? client.policy().ttl() : ttl, serversOnly);
    }
}
