package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The cluster as one node sees it.
 *
 * @param members the nodes that it knows, itself included
 * @param endpoints how it would have clients reach them, by id: host names where the cluster prefers those
 * @see <a href="https://redis.io/docs/latest/commands/cluster-nodes/">CLUSTER NODES</a>
 */
record View(List<Member> members, Map<String, Address> endpoints) {

    /**
     * A node of the cluster.
     *
     * @param id its id, which it keeps
     * @param announced where it listens; {@code null} if that is not known
     * @param flags as the cluster has them
     * @param masterId of a replica, its master's id; else {@code -}
     * @param epoch its configuration epoch: of two that claim a slot, the one with the greater has it
     * @param slots what it serves
     * @param moving the slots that are just being moved from or to it; only in its own view
     */
    record Member(
            String id,
            @Nullable Address announced,
            Set<String> flags,
            String masterId,
            long epoch,
            BitSet slots,
            List<String> moving) {
        boolean isMaster() {
            return flags.contains("master");
        }

        boolean isMyself() {
            return flags.contains("myself");
        }

        /** Whether it can be talked to at all: others are not yet members, or not any more. */
        boolean isReachable() {
            return announced != null && !flags.contains("handshake") && !flags.contains("noaddr");
        }
    }

    /**
     * Reads a view.
     *
     * @param nodes the reply to CLUSTER NODES
     * @param slots the reply to CLUSTER SLOTS
     * @param asked the node that replied, which may not know its own address
     * @throws IllegalArgumentException if it is malformed
     */
    static View parse(byte[] nodes, List<?> slots, Address asked) {
        List<Member> members = new ArrayList<>();
        new String(nodes, StandardCharsets.UTF_8)
                .lines()
                .filter(line -> !line.isBlank())
                .forEach(line -> members.add(member(line.strip().split(" ", -1), asked)));
        Map<String, Address> endpoints = new HashMap<>();
        collectEndpoints(slots, asked, endpoints);
        return new View(List.copyOf(members), endpoints);
    }

    /** Whether the cluster's nodes have host names, so that some other address than in {@code CLUSTER NODES} may be preferred. */
    static boolean hasHostNames(byte[] nodes) {
        return new String(nodes, StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.split(" ", 3))
                .filter(words -> words.length > 1)
                .map(words -> words[1].split(",", -1))
                .anyMatch(parts -> parts.length > 1 && !parts[1].isEmpty() && parts[1].indexOf('=') < 0);
    }

    /** Whether the cluster would have clients reach some node under another address than it lists. */
    boolean hasOtherEndpoints() {
        return members.stream().anyMatch(member -> {
            Address endpoint = endpoints.get(member.id());
            return endpoint != null && !endpoint.equals(member.announced());
        });
    }

    private static Member member(String[] words, Address asked) {
        if (words.length < 8) {
            throw new IllegalArgumentException("a line of CLUSTER NODES has " + words.length + " words");
        }
        BitSet slots = new BitSet();
        List<String> moving = new ArrayList<>();
        for (int i = 8; i < words.length; i++) {
            if (words[i].startsWith("[")) {
                moving.add(words[i]);
                continue;
            }
            String[] range = words[i].split("-", -1);
            int from = Slots.parse(range[0]);
            int to = Slots.parse(range[range.length - 1]);
            if (from < 0 || to < from || range.length > 2) {
                throw new IllegalArgumentException("a line of CLUSTER NODES has slots that are none");
            }
            slots.set(from, to + 1);
        }
        return new Member(
                words[0],
                announced(words[1], asked),
                Set.of(words[2].split(",")),
                words[3],
                Long.parseLong(words[6]),
                slots,
                List.copyOf(moving));
    }

    /** Reads {@code ip:port@busport,hostname,…}; a node alone does not know its own ip. */
    private static @Nullable Address announced(String text, Address asked) {
        String place = text.split("[,@]", -1)[0];
        if (place.startsWith(":")) {
            place = asked.host() + place;
        }
        try {
            return Address.parse(place);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** Every {@code [endpoint, port, id, …]}, however deep. */
    private static void collectEndpoints(List<?> reply, Address asked, Map<String, Address> endpoints) {
        if (reply.size() >= 3
                && reply.get(1) instanceof Long port
                && reply.get(2) instanceof byte[] id
                && !(reply.get(0) instanceof Long)) {
            String host = reply.get(0) instanceof byte[] name ? new String(name, StandardCharsets.UTF_8) : "";
            try {
                // "?" is a name that is not known yet: no address, and the other one stands.
                endpoints.put(
                        new String(id, StandardCharsets.UTF_8),
                        new Address(host.isEmpty() ? asked.host() : host, port.intValue()));
            } catch (IllegalArgumentException e) {
                // The address of CLUSTER NODES stands.
            }
            return;
        }
        for (Object element : reply) {
            if (element instanceof List<?> inner) {
                collectEndpoints(inner, asked, endpoints);
            }
        }
    }
}
