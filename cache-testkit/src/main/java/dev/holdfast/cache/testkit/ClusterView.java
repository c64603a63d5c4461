package dev.holdfast.cache.testkit;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A cluster as one node sees it: its {@code CLUSTER NODES}. */
record ClusterView(List<Node> nodes) {

    /**
     * One line of it.
     *
     * @param masterId {@code -} for a master
     */
    record Node(String id, int port, List<String> flags, String masterId, long epoch, BitSet slots) {
        boolean is(String flag) {
            return flags.contains(flag);
        }

        boolean isSettled() {
            return !is("handshake") && !is("fail") && !is("fail?") && !is("noaddr");
        }
    }

    static ClusterView of(RedisServer server) {
        return parse((String) server.command("CLUSTER", "NODES"));
    }

    static ClusterView parse(@Nullable String text) {
        List<Node> nodes = new ArrayList<>();
        for (String line : String.valueOf(text).lines().toList()) {
            String[] words = line.split(" ", -1);
            String address = words[1];
            int port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1, address.indexOf('@')));
            BitSet slots = new BitSet();
            for (int i = 8; i < words.length; i++) {
                addRange(slots, words[i]);
            }
            nodes.add(new Node(
                    words[0], port, List.of(words[2].split(",", -1)), words[3], Long.parseLong(words[6]), slots));
        }
        return new ClusterView(nodes);
    }

    /** @param range {@code 7}, {@code 0-5460}, or {@code [7-<-id]} for a slot under way, which belongs to nobody new yet */
    private static void addRange(BitSet slots, String range) {
        if (range.isEmpty() || range.startsWith("[")) {
            return;
        }
        int dash = range.indexOf('-');
        int first = Integer.parseInt(dash < 0 ? range : range.substring(0, dash));
        int last = dash < 0 ? first : Integer.parseInt(range.substring(dash + 1));
        slots.set(first, last + 1);
    }

    /** The highest configuration epoch it knows of: each failover takes a new one. */
    long epoch() {
        return nodes.stream().mapToLong(Node::epoch).max().orElse(0);
    }

    Node myself() {
        return nodes.stream()
                .filter(node -> node.is("myself"))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no line of its own: " + nodes));
    }

    Node byPort(int port) {
        return nodes.stream()
                .filter(node -> node.port() == port)
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("no node on port " + port + ": " + nodes));
    }
}
