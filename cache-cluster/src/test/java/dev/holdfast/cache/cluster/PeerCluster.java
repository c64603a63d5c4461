package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** A cluster of one node that says what a test tells it to, and else what a healthy one would. */
final class PeerCluster implements AutoCloseable {
    private static final String ID = "a".repeat(40);

    private final RespPeer peer;
    private final Map<String, String> canaries = new ConcurrentHashMap<>();
    private volatile Predicate<RespPeer.Caller> mute = caller -> false;

    private PeerCluster(RespPeer.Script script, UnaryOperator<String> nodes, boolean hasCanaries, Runnable whenAsked) {
        RespPeer[] self = new RespPeer[1];
        peer = RespPeer.start((command, caller) -> {
            if (mute.test(caller)) {
                return;
            }
            switch (command.get(0)) {
                case "CLUSTER" -> {
                    whenAsked.run();
                    cluster(command, caller, self[0].port(), nodes);
                }
                case "PING" ->
                    caller.lines(
                            command.size() == 1 ? "+PONG" : "$" + command.get(1).length() + "\r\n" + command.get(1));
                case "ASKING", "READONLY", "CLIENT" -> caller.lines("+OK");
                default -> {
                    if (hasCanaries && isCanary(command)) {
                        String before = canaries.put(command.get(1), command.get(2));
                        caller.lines(before == null ? "$-1" : "$" + before.length() + "\r\n" + before);
                    } else {
                        script.answer(command, caller);
                    }
                }
            }
        });
        self[0] = peer;
    }

    /** Starts one whose script gets all commands but those that every connection begins with, and the canaries. */
    static PeerCluster start(RespPeer.Script script) {
        return new PeerCluster(script, UnaryOperator.identity(), true, () -> {});
    }

    /** Starts one whose script gets the canaries too. */
    static PeerCluster withoutCanaries(RespPeer.Script script) {
        return new PeerCluster(script, UnaryOperator.identity(), false, () -> {});
    }

    /** Starts one whose script gets the canaries too, and that tells of every question about the cluster. */
    static PeerCluster asked(RespPeer.Script script, Runnable whenAsked) {
        return new PeerCluster(script, UnaryOperator.identity(), false, whenAsked);
    }

    /** Whether a command asks a canary. */
    static boolean isCanary(List<String> command) {
        return command.get(0).equals("SET") && command.get(1).contains(SparedKeys.CANARY);
    }

    /** Starts one that changes its reply to CLUSTER NODES. */
    static PeerCluster start(RespPeer.Script script, UnaryOperator<String> nodes) {
        return new PeerCluster(script, nodes, true, () -> {});
    }

    private static void cluster(List<String> command, RespPeer.Caller caller, int port, UnaryOperator<String> nodes)
            throws IOException {
        String member =
                ID + " 127.0.0.1:" + port + '@' + (port + 10_000) + " myself,master - 0 0 1 connected 0-16383\n";
        switch (command.get(1)) {
            case "NODES" -> bulk(caller, nodes.apply(member));
            case "SLOTS" -> caller.lines("*1", "*3", ":0", ":16383", "*3", "$9", "127.0.0.1", ":" + port, "$40", ID);
            default -> bulk(caller, "cluster_current_epoch:1\r\n");
        }
    }

    static void bulk(RespPeer.Caller caller, String text) throws IOException {
        caller.lines("$" + text.length(), text);
    }

    /** Answers nothing on some connections from now on. */
    void mute(Predicate<RespPeer.Caller> which) {
        mute = which;
    }

    RespPeer peer() {
        return peer;
    }

    int port() {
        return peer.port();
    }

    ClusterConfig config() {
        return ClusterConfig.of(List.of("127.0.0.1:" + peer.port())).withClusterDownRetry(Duration.ofMillis(50));
    }

    @Override
    public void close() {
        peer.close();
    }
}
