package dev.holdfast.cache;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a store knows of its own health and work, at one moment. Start from {@link #of} and derive with the withers.
 * Immutable.
 */
public final class StoreHealth {
    private final String type;
    private final boolean distributed;
    private final HealthState state;
    private final boolean readYourWrites;
    private final Instant startedAt;
    private final OperationStats operations;
    private final PoolHealth pool;
    private final List<NodeHealth> nodes;
    private final List<TierHealth> tiers;
    private final @Nullable MemoryUse memory;

    private StoreHealth(
            String type,
            boolean distributed,
            HealthState state,
            boolean readYourWrites,
            Instant startedAt,
            OperationStats operations,
            PoolHealth pool,
            List<NodeHealth> nodes,
            List<TierHealth> tiers,
            @Nullable MemoryUse memory) {
        this.type = Objects.requireNonNull(type, "type");
        this.distributed = distributed;
        this.state = Objects.requireNonNull(state, "state");
        this.readYourWrites = readYourWrites;
        this.startedAt = Objects.requireNonNull(startedAt, "startedAt");
        this.operations = Objects.requireNonNull(operations, "operations");
        this.pool = Objects.requireNonNull(pool, "pool");
        this.nodes = List.copyOf(nodes);
        this.tiers = List.copyOf(tiers);
        this.memory = memory;
    }

    /**
     * Starts a store's health: nobody has looked at it yet, its reads see its writes, nothing counted.
     *
     * @param type {@code redis-cluster}, {@code native-redis}, {@code upstash-redis}, {@code in-memory}, or a name of the
     *     author's
     * @param distributed whether other processes see the same entries
     * @param startedAt when the store was created
     * @return the health
     */
    public static StoreHealth of(String type, boolean distributed, Instant startedAt) {
        return new StoreHealth(
                type,
                distributed,
                HealthState.UNKNOWN,
                true,
                startedAt,
                OperationStats.NONE,
                PoolHealth.NONE,
                List.of(),
                List.of(),
                null);
    }

    /**
     * Derives one with another availability.
     *
     * @param value whether the last that was heard of the store is that it serves; a cluster: every slot
     * @return the derived health
     */
    public StoreHealth withAvailable(boolean value) {
        return withState(value ? HealthState.UP : HealthState.DOWN);
    }

    /**
     * Derives one with another state.
     *
     * @param value what was last heard of the store
     * @return the derived health
     */
    public StoreHealth withState(HealthState value) {
        return new StoreHealth(
                type, distributed, value, readYourWrites, startedAt, operations, pool, nodes, tiers, memory);
    }

    /**
     * Derives one with another guarantee.
     *
     * @param value whether a read sees this client's own earlier writes; {@code false} where replicas answer reads
     * @return the derived health
     */
    public StoreHealth withReadYourWrites(boolean value) {
        return new StoreHealth(type, distributed, state, value, startedAt, operations, pool, nodes, tiers, memory);
    }

    /**
     * Derives one with other counts.
     *
     * @param value what the store has done
     * @return the derived health
     */
    public StoreHealth withOperations(OperationStats value) {
        return new StoreHealth(type, distributed, state, readYourWrites, startedAt, value, pool, nodes, tiers, memory);
    }

    /**
     * Derives one with another pool.
     *
     * @param value the connections of all nodes together
     * @return the derived health
     */
    public StoreHealth withPool(PoolHealth value) {
        return new StoreHealth(
                type, distributed, state, readYourWrites, startedAt, operations, value, nodes, tiers, memory);
    }

    /**
     * Derives one with other nodes.
     *
     * @param value the servers, in a stable order
     * @return the derived health
     */
    public StoreHealth withNodes(List<NodeHealth> value) {
        return new StoreHealth(
                type, distributed, state, readYourWrites, startedAt, operations, pool, value, tiers, memory);
    }

    /**
     * Derives one with other tiers.
     *
     * @param value the tiers of a composite, in their order
     * @return the derived health
     */
    public StoreHealth withTiers(List<TierHealth> value) {
        return new StoreHealth(
                type, distributed, state, readYourWrites, startedAt, operations, pool, nodes, value, memory);
    }

    /**
     * Derives one with another use of memory.
     *
     * @param value how much of its bounded memory the store's entries take; {@code null} where that is unknown
     * @return the derived health
     */
    public StoreHealth withMemory(@Nullable MemoryUse value) {
        return new StoreHealth(
                type, distributed, state, readYourWrites, startedAt, operations, pool, nodes, tiers, value);
    }

    /** Returns the kind of store; a composite's is that of the tier that serves. */
    public String type() {
        return type;
    }

    /** Says whether other processes see the same entries. */
    public boolean distributed() {
        return distributed;
    }

    /** Returns what was last heard of the store. */
    public HealthState state() {
        return state;
    }

    /** Says whether the last that was heard of the store is that it serves; {@code false} also if nobody has looked at it yet. */
    public boolean available() {
        return state == HealthState.UP;
    }

    /** Says whether a read sees this client's own earlier writes. */
    public boolean readYourWrites() {
        return readYourWrites;
    }

    /** Returns when the store was created. */
    public Instant startedAt() {
        return startedAt;
    }

    /** Returns what the store has done. */
    public OperationStats operations() {
        return operations;
    }

    /** Returns the figures of all its connections together. */
    public PoolHealth pool() {
        return pool;
    }

    /** Returns its servers, unmodifiable; empty for memory. */
    public List<NodeHealth> nodes() {
        return nodes;
    }

    /** Returns the tiers of a composite, unmodifiable; empty for a plain store. */
    public List<TierHealth> tiers() {
        return tiers;
    }

    /** Returns how much of its bounded memory is in use; {@code null} where nobody knows, as of most servers. */
    public @Nullable MemoryUse memory() {
        return memory;
    }

    @Override
    public String toString() {
        return "StoreHealth[" + type + ", " + state + ", " + operations + ", " + pool + ", nodes=" + nodes + ", tiers="
                + tiers + ']';
    }
}
