package dev.holdfast.cache.validation;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
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
     * @param host where it announces itself; empty if it does not know yet
     * @param name the host name it announces; {@code null} for none
     * @param port its port
     * @param master whether it is one
     * @param of the id of its master; {@code null} of a master
     * @param failing whether others take it for failed
     * @param slots those it has
     */
    record Node(
            String id,
            String host,
            @Nullable String name,
            int port,
            boolean master,
            @Nullable String of,
            boolean failing,
            BitSet slots) {}

    ClusterNodes {
        nodes = List.copyOf(nodes);
    }

    /** Reads what {@code CLUSTER NODES} answers; lines that are none are passed over. */
    static ClusterNodes parse(String text) {
        List<Node> nodes = new ArrayList<>();
        text.lines()
                .map(line -> line.split(" ", -1))
                .filter(words -> words.length >= 8)
                .forEach(words -> {
                    String[] place = words[1].split(",", -1);
                    String address = place[0].replaceFirst("@.*", "");
                    int colon = address.lastIndexOf(':');
                    List<String> flags = List.of(words[2].split(",", -1));
                    BitSet slots = new BitSet(SLOTS);
                    for (int i = 8; i < words.length; i++) {
                        if (words[i].matches("[0-9]{1,5}(-[0-9]{1,5})?")) {
                            String[] ends = words[i].split("-", -1);
                            slots.set(Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1]) + 1);
                        }
                    }
                    nodes.add(new Node(
                            words[0],
                            address.substring(0, colon),
                            place.length > 1 && !place[1].isEmpty() ? place[1] : null,
                            Integer.parseInt(address.substring(colon + 1)),
                            flags.contains("master"),
                            words[3].equals("-") ? null : words[3],
                            flags.contains("fail") || flags.contains("fail?") || flags.contains("noaddr"),
                            slots));
                });
        return new ClusterNodes(nodes);
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
}
