package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import io.lettuce.core.protocol.AsyncCommand;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks nodes what they see of the cluster, and waits for some of the answers. Of one thread, but for {@link #ask(Node)}. */
final class Inquiry {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final String WHOLE = "cluster_slots_ok:" + Slots.COUNT;

    private static final long STRAGGLERS_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** What stands for a fingerprint where a node refuses to give one. */
    static final String REFUSED = "refused";

    private final LettuceErrors errors;
    private final Map<Node, CompletableFuture<View>> asked = new LinkedHashMap<>();
    private final CompletableFuture<View> first = new CompletableFuture<>();
    private final boolean withEndpoints;

    /**
     * Begins one.
     *
     * @param withEndpoints whether to ask how clients are to reach the nodes, too, though no node has a host name
     */
    Inquiry(LettuceErrors errors, boolean withEndpoints) {
        this.errors = errors;
        this.withEndpoints = withEndpoints;
    }

    /** Asks those that were not asked yet. */
    void ask(Collection<Node> nodes) {
        for (Node node : nodes) {
            if (!asked.containsKey(node)) {
                CompletableFuture<View> answer = ask(node);
                asked.put(node, answer);
                CompletableFuture<Void> unused = answer.thenAccept(first::complete);
            }
        }
    }

    /** How many questions that was. */
    int questions() {
        return asked.size() * (withEndpoints ? 2 : 1);
    }

    /** Waits until one has answered, or none will; returns whether one has. */
    boolean awaitFirst(long nanos) {
        CompletableFuture<?> all = all();
        CompletableFuture<?> either = CompletableFuture.anyOf(first, all.handle((none, failure) -> ""));
        Nodes.await(either, nanos);
        return first.isDone();
    }

    /** What those saw that answer soon; the failures of the others are added to a list. */
    List<View> views(List<CacheUnavailableException> failures) {
        Nodes.await(all(), STRAGGLERS_NANOS);
        List<View> views = new ArrayList<>();
        asked.forEach((node, answer) -> {
            try {
                answer.completeExceptionally(new TimeoutException("no answer in time"));
                views.add(answer.join());
            } catch (CompletionException e) {
                CacheUnavailableException why = errors.noView(node, null, e.getCause() == null ? e : e.getCause());
                // Others are asked until a probe is well.
                node.ill(why);
                failures.add(why);
            }
        });
        return views;
    }

    private CompletableFuture<Void> all() {
        return CompletableFuture.allOf(asked.values().toArray(CompletableFuture[]::new));
    }

    /** Asks one node; for any thread. */
    CompletableFuture<View> ask(Node node) {
        Link link = node.pool().control();
        Dialect first = node.dialect();
        return ask(node, link, first, first).exceptionally(failure -> {
            throw errors.noView(node, link, failure);
        });
    }

    /** Asks in one dialect, and in the others while the node refuses them. It is asked so from now on if it answers. */
    private CompletableFuture<View> ask(Node node, Link link, Dialect dialect, Dialect first) {
        CompletableFuture<View> answer = askIn(node, link, dialect).thenApply(view -> {
            if (dialect != first) {
                LOG.info("Redis cluster node {}: CLUSTER {} is refused, so CLUSTER {} is asked", node, first, dialect);
                node.dialect(dialect);
            }
            return view;
        });
        return answer.exceptionallyCompose(failure -> {
            if (FailureKind.isCommandRefused(failure)) {
                if (dialect.next() != first) {
                    return ask(node, link, dialect.next(), first);
                }
                node.dialect(Dialect.NODES);
            }
            return answer;
        });
    }

    private CompletableFuture<View> askIn(Node node, Link link, Dialect dialect) {
        AsyncCommand<byte[], byte[], ?> members = dialect.request().command();
        if (dialect != Dialect.NODES) {
            link.send(members);
            return members.thenApply(reply -> dialect.view(reply, List.of(), node.asked()))
                    .toCompletableFuture();
        }
        CompletableFuture<List<Object>> slots;
        if (withEndpoints) {
            AsyncCommand<byte[], byte[], List<Object>> both = Requests.CLUSTER_SLOTS.command();
            link.send(List.of(members, both));
            slots = both.toCompletableFuture();
        } else {
            link.send(members);
            slots = members.thenCompose(lines -> dialect.hasHostNames(lines)
                            ? link.ask(Requests.CLUSTER_SLOTS)
                            : CompletableFuture.completedFuture(List.<Object>of()))
                    .toCompletableFuture();
        }
        return members.thenCombine(slots, (lines, ranges) -> dialect.view(lines, ranges, node.asked()))
                .toCompletableFuture();
    }

    /**
     * Asks one node what tells whether anything has changed: the cluster's epoch, and how many nodes and slots it counts.
     *
     * @return {@link #REFUSED} if it won't say; {@code null} if it does not answer in time
     */
    static @Nullable String fingerprint(Node node, long nanos) {
        AsyncCommand<byte[], byte[], byte[]> info = node.pool().control().ask(Requests.CLUSTER_INFO);
        try {
            return fingerprint(info.get(nanos, TimeUnit.NANOSECONDS));
        } catch (InterruptedException | TimeoutException e) {
            info.cancel();
            return null;
        } catch (ExecutionException e) {
            return FailureKind.isCommandRefused(e) ? REFUSED : null;
        }
    }

    /** Whether a node that answered so knows of no slot that is not served. */
    static boolean isWhole(String fingerprint) {
        return fingerprint.contains(WHOLE);
    }

    private static String fingerprint(byte[] info) {
        StringBuilder fingerprint = new StringBuilder();
        new String(info, StandardCharsets.UTF_8).lines().forEach(line -> {
            if (line.startsWith("cluster_current_epoch:")
                    || line.startsWith("cluster_known_nodes:")
                    || line.startsWith("cluster_size:")
                    || line.startsWith("cluster_slots_assigned:")
                    || line.startsWith(WHOLE)) {
                fingerprint.append(line).append(' ');
            }
        });
        return fingerprint.toString();
    }
}
