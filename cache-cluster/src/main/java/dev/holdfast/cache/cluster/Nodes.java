package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.Login;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** The nodes that a store has to do with, one for each address, from when they are first named until they belong to the cluster no more. Thread-safe. */
final class Nodes {
    private static final int MOST_STRANGERS = 32;
    private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final ClusterConfig config;
    private final LettuceErrors errors;
    private final Canaries canaries;
    private final Login login;
    private final Map<Address, Node> nodes = new ConcurrentHashMap<>();
    private final Map<Node, Long> retired = new ConcurrentHashMap<>();
    private final long retireNanos;
    private volatile @Nullable Wiring wiring;

    Nodes(ClusterConfig config, LettuceErrors errors, Login login) {
        this.config = config;
        this.errors = errors;
        this.login = login;
        this.canaries = new Canaries(config);
        this.retireNanos = config.connectTimeout().plus(config.commandTimeout()).toNanos();
    }

    /** Prepares what connections need; to be called by one thread, before any node is made. */
    void start() {
        if (wiring == null) {
            wiring = new Wiring(login, config.tls());
        }
    }

    Outages outages() {
        return canaries.outages();
    }

    /** All nodes that are in use: those of the cluster, and the configured ones while they are needed. */
    Collection<Node> all() {
        return nodes.values();
    }

    /** The node that announces itself like this. */
    Node node(Address announced) {
        Node node = at(config.reached(announced));
        retired.remove(node);
        return node;
    }

    private Node at(Address reached) {
        return nodes.computeIfAbsent(reached, address -> new Node(address, config, wiring(), canaries));
    }

    private Wiring wiring() {
        Wiring present = wiring;
        if (present == null) {
            throw new IllegalStateException("not started");
        }
        return present;
    }

    /** The node that announces itself like this, if it is known or few are not: a flood of names must not make a flood of nodes. */
    @Nullable
    Node named(Address announced, int members) {
        Node known = nodes.get(config.reached(announced));
        if (known != null) {
            retired.remove(known);
            return known;
        }
        return nodes.size() - members < MOST_STRANGERS ? node(announced) : null;
    }

    /** The configured nodes, and the members: those that are out may be back; who asks them learns it first. */
    List<Node> seeds(Collection<Node> members) {
        Set<Node> seeds = new LinkedHashSet<>();
        for (Address seed : config.seeds()) {
            seeds.add(at(seed));
        }
        seeds.addAll(members);
        seeds.forEach(retired::remove);
        return List.copyOf(seeds);
    }

    /** Logs connections in anew that have other words than these, and waits for that, as long as a command may take. */
    void authenticate(Authentication words) {
        List<CompletableFuture<?>> pending = new ArrayList<>();
        nodes.values().forEach(node -> node.pool().authenticate(words, pending));
        await(
                CompletableFuture.allOf(pending.toArray(CompletableFuture[]::new)),
                config.commandTimeout().toNanos());
        for (CompletableFuture<?> each : pending) {
            Throwable why = each.handle((done, failure) -> failure).getNow(null);
            if (why != null && FailureKind.isOfLogin(why) && !mayBeRefusedBy(words)) {
                throw errors.broken(why);
            }
        }
    }

    /** Asks for other words, for the next turn; returns whether there are some. */
    private boolean mayBeRefusedBy(Authentication words) {
        try {
            return login.askAgain(words) != null;
        } catch (CredentialsException e) {
            return false;
        }
    }

    /** Closes every node, and waits for that for a moment. */
    void closeAll(CloseReason why) {
        CompletableFuture<?>[] closing =
                nodes.values().stream().map(node -> node.close(why)).toArray(CompletableFuture[]::new);
        await(CompletableFuture.allOf(closing), CLOSE_NANOS);
        Wiring present = wiring;
        if (present != null) {
            present.close();
        }
    }

    /** Waits for something, and no longer than this. */
    static void await(CompletableFuture<?> future, long nanos) {
        try {
            future.get(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException | TimeoutException | ExecutionException e) {
            // What is there by now is taken.
        }
    }

    /** Closes nodes that belong to the cluster no more, once no call can be under way on them. */
    void retire(Set<Node> members) {
        long now = System.nanoTime();
        for (Node node : List.copyOf(nodes.values())) {
            if (members.contains(node)) {
                retired.remove(node);
            } else if (now - retired.computeIfAbsent(node, any -> now) > retireNanos) {
                nodes.remove(node.address(), node);
                retired.remove(node);
                CompletableFuture<Void> unused = node.close(new CloseReason(CloseReason.Kind.DISCARDED, null));
            }
        }
    }
}
