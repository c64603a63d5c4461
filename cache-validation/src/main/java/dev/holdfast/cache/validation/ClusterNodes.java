package dev.holdfast.cache.validation;

import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A cluster as one of its nodes sees it.
 *
 * @param nodes all nodes it knows
 */
record ClusterNodes(List<Node> nodes) {
    static final int SLOTS = 16_384;

    /**
     * One node.
     *
     * @param id its name in the cluster
     * @param host where it would have clients reach it: its host name where the cluster prefers those; empty if it does not know yet
     * @param port its port
     * @param master whether it is one
     * @param of the id of its master; {@code null} of a master
     * @param myself whether it is the one that says all of this
     * @param failing whether others take it for failed
     * @param slots those it has
     */
    record Node(
            String id,
            String host,
            int port,
            boolean master,
            @Nullable String of,
            boolean myself,
            boolean failing,
            BitSet slots) {}

    ClusterNodes {
        nodes = List.copyOf(nodes);
    }

    /**
     * Asks a node, as the store does: the list of all, and where clients are to reach them; or the second alone, where the first is refused.
     *
     * @throws RefusedException if it says neither
     */
    static ClusterNodes of(Conversation server) {
        String nodes;
        try {
            nodes = String.valueOf(server.ask("CLUSTER", "NODES"));
        } catch (RefusedException e) {
            if (e.isForRights() && server.ask("CLUSTER", "SLOTS") instanceof List<?> slots) {
                return ofSlots(slots);
            }
            throw e;
        }
        try {
            return parse(nodes, server.ask("CLUSTER", "SLOTS") instanceof List<?> slots ? slots : List.of());
        } catch (RefusedException e) {
            // That a right is missing is said by the check of the commands.
            return parse(nodes, List.of());
        }
    }

    /**
     * Reads what {@code CLUSTER NODES} answers, and of {@code CLUSTER SLOTS} where clients are to reach the nodes; lines that are none are passed over.
     */
    static ClusterNodes parse(String text, List<?> slots) {
        Map<String, String> endpoints = new HashMap<>();
        places(slots).forEach(place -> endpoints.put(place.id(), place.host()));
        List<Node> nodes = new ArrayList<>();
        text.lines()
                .map(line -> line.split(" ", -1))
                .filter(words -> words.length >= 8)
                .forEach(words -> {
                    String address = words[1].split("[,@]", -1)[0];
                    int colon = address.lastIndexOf(':');
                    List<String> flags = List.of(words[2].split(",", -1));
                    BitSet own = new BitSet(SLOTS);
                    for (int i = 8; i < words.length; i++) {
                        if (words[i].matches("[0-9]{1,5}(-[0-9]{1,5})?")) {
                            String[] ends = words[i].split("-", -1);
                            own.set(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]) + 1);
                        }
                    }
                    String endpoint = endpoints.getOrDefault(words[0], "");
                    nodes.add(new Node(
                            words[0],
                            endpoint.isEmpty() ? address.substring(0, colon) : endpoint,
                            Integer.parseInt(address.substring(colon + 1)),
                            flags.contains("master"),
                            words[3].equals("-") ? null : words[3],
                            flags.contains("myself"),
                            flags.contains("fail") || flags.contains("fail?") || flags.contains("noaddr"),
                            own));
                });
        return new ClusterNodes(nodes);
    }

    /** A node of {@code CLUSTER SLOTS}; the host is empty where it is not known. */
    private record Place(String id, String host, int port) {}

    /** Reads what {@code CLUSTER SLOTS} answers, which leaves out replicas that fail. */
    private static ClusterNodes ofSlots(List<?> ranges) {
        Map<String, Node> nodes = new LinkedHashMap<>();
        for (Object range : ranges) {
            List<Place> places = places(List.of(range));
            if (places.isEmpty()) {
                continue;
            }
            Place first = places.get(0);
            Node master = nodes.computeIfAbsent(
                    first.id(),
                    id -> new Node(id, first.host(), first.port(), true, null, false, false, new BitSet(SLOTS)));
            List<?> words = (List<?>) range;
            master.slots().set(((Long) words.get(0)).intValue(), ((Long) words.get(1)).intValue() + 1);
            places.stream()
                    .skip(1)
                    .forEach(each -> nodes.putIfAbsent(
                            each.id(),
                            new Node(
                                    each.id(),
                                    each.host(),
                                    each.port(),
                                    false,
                                    first.id(),
                                    false,
                                    false,
                                    new BitSet(SLOTS))));
        }
        return new ClusterNodes(List.copyOf(nodes.values()));
    }

    private static List<Place> places(List<?> ranges) {
        List<Place> places = new ArrayList<>();
        for (Object range : ranges) {
            for (Object word : range instanceof List<?> words ? words : List.of()) {
                if (word instanceof List<?> node && node.size() >= 3 && node.get(1) instanceof Long port) {
                    // "?" is a name that is not known yet.
                    String host = node.get(0) instanceof String name && !name.equals("?") ? name : "";
                    places.add(new Place(String.valueOf(node.get(2)), host, port.intValue()));
                }
            }
        }
        return places;
    }

    /** The masters that have slots. */
    List<Node> masters() {
        return nodes.stream()
                .filter(node -> node.master() && !node.slots().isEmpty())
                .toList();
    }

    /** The slots that a master has which is not failing. */
    int served() {
        BitSet all = new BitSet(SLOTS);
        masters().stream().filter(node -> !node.failing()).forEach(node -> all.or(node.slots()));
        return all.cardinality();
    }

    /** The masters without a replica that is well. */
    List<Node> alone() {
        return masters().stream()
                .filter(master -> nodes.stream().noneMatch(node -> master.id().equals(node.of()) && !node.failing()))
                .toList();
    }

    /** Whether it is the cluster that another node sees; {@code true} where either does not say who it is. */
    boolean isThatOf(ClusterNodes other) {
        return other.nodes.stream().filter(Node::myself).allMatch(myself -> nodes.stream()
                .anyMatch(node -> node.id().equals(myself.id())));
    }
}
