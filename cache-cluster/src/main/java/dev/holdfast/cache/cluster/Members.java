package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Collects the nodes that a reply names which tells no epochs: a node's word of itself counts for more than another's of it. For one
 * thread.
 */
final class Members {
    private final Asked asked;
    private final Map<String, View.Member> members = new LinkedHashMap<>();

    /**
     * Creates an empty one.
     *
     * @param asked the node that replied
     */
    Members(Asked asked) {
        this.asked = asked;
    }

    /**
     * Adds a node, or further slots of it.
     *
     * @param id its id; {@code null} if it has none
     * @param host its host; {@code null} or empty for that of the node that replied, {@code ?} if it is not known
     * @param port its port
     * @param master of a replica, its master's id; {@code null} of a master
     * @param from the first slot
     * @param to the last slot; less than the first for none
     * @return the id by which it is known from now on
     */
    String add(@Nullable String id, @Nullable String host, long port, @Nullable String master, int from, int to) {
        Address address = address(host, port);
        String known = id == null || id.isEmpty() ? String.valueOf(address) : id;
        boolean itself = asked.isAt(address);
        View.Member present = members.get(known);
        if (present == null) {
            Set<String> flags = master == null
                    ? itself ? Set.of("master", "myself") : Set.of("master")
                    : itself ? Set.of("slave", "myself") : Set.of("slave");
            present = new View.Member(
                    known, address, flags, master == null ? "-" : master, itself ? 1 : 0, new BitSet(), List.of());
            members.put(known, present);
        }
        if (master == null && from <= to) {
            present.slots().set(from, to + 1);
        }
        return known;
    }

    private @Nullable Address address(@Nullable String host, long port) {
        try {
            return new Address(host == null || host.isEmpty() ? asked.address().host() : host, (int) port);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** Whether this process talks TLS to them. */
    boolean areReachedByTls() {
        return asked.tls();
    }

    /** What was collected. */
    View view() {
        return new View(List.copyOf(members.values()), Map.of());
    }

    /**
     * Reads a slot.
     *
     * @throws IllegalArgumentException if it is none
     */
    static int slot(@Nullable Object reply) {
        if (reply instanceof Long slot && slot >= 0 && slot < Slots.COUNT) {
            return slot.intValue();
        }
        throw new IllegalArgumentException("a slot that is none");
    }

    /** Reads a text; {@code null} if there is none. */
    static @Nullable String text(@Nullable Object reply) {
        return reply instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : null;
    }
}
