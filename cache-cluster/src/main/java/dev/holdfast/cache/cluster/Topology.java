package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Knows the nodes and who serves which slot. A thread of its own asks for it: at first, at an interval, soon after anything that
 * hints at a change, and all the time while something is amiss. It asks some nodes and takes what the cluster itself would agree
 * on; the configured nodes are asked first, and again when no other answers.
 */
final class Topology implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final int VIEWS = 5;
    private static final long SHORTEST_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long AMISS_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long AMISS_NANOS = TimeUnit.SECONDS.toNanos(30);
    private static final long STRAGGLERS_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long VIEW_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final ClusterConfig config;
    private final LettuceErrors errors;
    private final Canaries canaries;
    private final Map<Address, Node> nodes = new ConcurrentHashMap<>();
    private final Map<Node, Long> retired = new ConcurrentHashMap<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final long retireNanos;

    /** What went wrong in the present round; of the thread that asks. */
    private final List<CacheUnavailableException> failures = new ArrayList<>();

    private long amissSince;
    private volatile long freshSince = System.nanoTime();

    private volatile SlotMap map = SlotMap.UNKNOWN;
    private volatile boolean wanted = true;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;
    private volatile @Nullable Wiring wiring;

    /** Completed by the next round; guarded by the lock, like what writes {@link #map}. */
    private CompletableFuture<SlotMap> round = new CompletableFuture<>();

    /** Completed at the end of the next round that begins; guarded by the lock. */
    private CompletableFuture<SlotMap> fresh = new CompletableFuture<>();

    private long lastRoundEnd = System.nanoTime();
    private @Nullable CacheUnavailableException lastFailure;

    Topology(ClusterConfig config, LettuceErrors errors) {
        this.config = config;
        this.errors = errors;
        this.canaries = new Canaries(config);
        this.retireNanos = config.connectTimeout().plus(config.commandTimeout()).toNanos();
    }

    SlotMap map() {
        return map;
    }

    /** All nodes that are in use: those of the cluster, and the configured ones while they are needed. */
    Collection<Node> nodes() {
        return nodes.values();
    }

    /** The node that announces itself like this. */
    Node node(Address announced) {
        Address reached = config.reached(announced);
        Node node = nodes.computeIfAbsent(reached, address -> new Node(address, config, wiring(), canaries));
        retired.remove(node);
        return node;
    }

    private Wiring wiring() {
        Wiring present = wiring;
        if (present == null) {
            throw new IllegalStateException("not started");
        }
        return present;
    }

    /** Asks for the topology soon; cheap, and for any thread. */
    void refreshSoon() {
        if (!wanted) {
            wanted = true;
            LockSupport.unpark(thread);
        }
    }

    /** Notes that a node said where a slot is. */
    void moved(int slot, Address announced) {
        Node master = node(announced);
        lock.lock();
        try {
            map = map.withMoved(slot, master);
        } finally {
            lock.unlock();
        }
        refreshSoon();
    }

    /**
     * Returns what is known, waiting for the first answer.
     *
     * @param until when to give up
     */
    SlotMap known(long until) {
        SlotMap present = map;
        return present == SlotMap.UNKNOWN ? next(until) : present;
    }

    /**
     * Asks every master now, each for what it alone knows: which slots it is just giving or taking.
     *
     * @param until when to give up
     * @throws CacheUnavailableException if one does not answer; it is named
     */
    SlotMap survey(long until) {
        List<Node> masters = known(until).masters();
        List<CompletableFuture<View>> answers = masters.stream().map(this::ask).toList();
        List<View> views = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            try {
                views.add(answers.get(i).get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS));
            } catch (InterruptedException e) {
                throw errors.interrupted(e);
            } catch (TimeoutException e) {
                throw errors.noView(masters.get(i), null, e);
            } catch (ExecutionException e) {
                throw errors.noView(masters.get(i), null, e.getCause() == null ? e : e.getCause());
            }
        }
        return publish(SlotMap.merge(views, this::node));
    }

    private SlotMap publish(SlotMap merged) {
        lock.lock();
        try {
            map = merged;
            return merged;
        } finally {
            lock.unlock();
        }
    }

    private SlotMap next(long until) {
        CompletableFuture<SlotMap> next;
        lock.lock();
        try {
            if (map != SlotMap.UNKNOWN) {
                return map;
            }
            if (lastFailure != null && System.nanoTime() - lastRoundEnd < AMISS_GAP_NANOS) {
                throw errors.again(lastFailure);
            }
            next = round;
        } finally {
            lock.unlock();
        }
        refreshSoon();
        return awaited(next, until);
    }

    /** Whether the topology has been asked for since a moment, whatever came of it. */
    boolean isFresh(long moment) {
        return freshSince - moment > 0;
    }

    /**
     * Waits for what a round finds that begins from now on, whatever comes of it; what was asked before may be older than what the
     * caller has just met.
     *
     * @param until when to give up
     */
    void awaitFresh(long until) {
        CompletableFuture<SlotMap> next;
        lock.lock();
        try {
            next = fresh;
        } finally {
            lock.unlock();
        }
        refreshSoon();
        try {
            next.get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException | ExecutionException e) {
            // What is known by now is taken.
        }
    }

    private SlotMap awaited(CompletableFuture<SlotMap> future, long until) {
        try {
            return future.get(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (TimeoutException e) {
            throw errors.noTopology(e);
        } catch (ExecutionException e) {
            throw errors.again(e.getCause() instanceof CacheUnavailableException known ? known : errors.noTopology(e));
        }
    }

    /** Fails those who wait for the topology. */
    void disconnect(CacheUnavailableException failure) {
        lock.lock();
        try {
            round.completeExceptionally(failure);
            round = new CompletableFuture<>();
            fresh.completeExceptionally(failure);
            fresh = new CompletableFuture<>();
        } finally {
            lock.unlock();
        }
    }

    /** Ends the thread and closes every node. */
    void close(Doom why) {
        closed = true;
        Thread running = thread;
        if (running != null) {
            LockSupport.unpark(running);
        }
        disconnect(errors.disconnected(why.cause(), false));
        closeAll(why);
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        while (!closed) {
            long began = System.nanoTime();
            CompletableFuture<SlotMap> awaited = begin();
            try {
                if (wiring == null) {
                    wiring = new Wiring();
                }
                round(gather());
            } catch (RuntimeException | Error e) {
                LOG.warn("Redis cluster {}: asking for the topology went wrong", config.nodes(), e);
                failures.add(errors.broken(e));
                round(List.of());
            }
            freshSince = began;
            awaited.complete(map);
            retire();
            pause();
        }
        // Whatever was begun while it was being closed.
        closeAll(new Doom(Doom.Kind.DISCARDED, null));
    }

    /** Returns what those wait for who came before this round. */
    private CompletableFuture<SlotMap> begin() {
        lock.lock();
        try {
            wanted = false;
            CompletableFuture<SlotMap> awaited = fresh;
            fresh = new CompletableFuture<>();
            return awaited;
        } finally {
            lock.unlock();
        }
    }

    private void closeAll(Doom why) {
        CompletableFuture<?>[] closing =
                nodes.values().stream().map(node -> node.close(why)).toArray(CompletableFuture[]::new);
        await(CompletableFuture.allOf(closing), CLOSE_NANOS);
        Wiring present = wiring;
        if (present != null) {
            present.close();
        }
    }

    private void pause() {
        long end = System.nanoTime();
        while (!closed) {
            long gone = System.nanoTime() - end;
            long gap = gap(end);
            long left = (wanted ? Math.min(gap, SHORTEST_GAP_NANOS) : gap) - gone;
            if (left <= 0) {
                return;
            }
            LockSupport.parkNanos(this, left);
        }
    }

    /** While slots are not served somebody is about to take them over; at first it is worth asking often. */
    private long gap(long now) {
        if (map == SlotMap.UNKNOWN || map.served() == Slots.COUNT) {
            amissSince = 0;
            return config.topologyRefresh().toNanos();
        }
        amissSince = amissSince == 0 ? now : amissSince;
        return now - amissSince < AMISS_NANOS ? AMISS_GAP_NANOS : 5 * AMISS_GAP_NANOS;
    }

    private void round(List<View> views) {
        SlotMap merged = views.isEmpty() ? null : SlotMap.merge(views, this::node);
        CompletableFuture<SlotMap> ended;
        lock.lock();
        try {
            ended = round;
            round = new CompletableFuture<>();
            lastRoundEnd = System.nanoTime();
            if (merged != null) {
                map = merged;
                lastFailure = null;
            } else {
                lastFailure = errors.nobodyAnswers(failures);
            }
        } finally {
            lock.unlock();
        }
        if (merged != null) {
            ended.complete(merged);
        } else if (lastFailure != null) {
            ended.completeExceptionally(lastFailure);
        }
    }

    private List<View> gather() {
        failures.clear();
        List<Node> known = new ArrayList<>(map.nodes());
        Collections.shuffle(known);
        known.removeIf(node -> !node.isUp());
        List<View> views = ask(known.subList(0, Math.min(VIEWS, known.size())));
        if (views.isEmpty() && known.size() > VIEWS) {
            views = ask(known.subList(VIEWS, known.size()));
        }
        return views.isEmpty() ? ask(seeds()) : views;
    }

    private List<Node> seeds() {
        Set<Node> seeds = new LinkedHashSet<>();
        for (Address seed : config.seeds()) {
            seeds.add(nodes.computeIfAbsent(seed, address -> new Node(address, config, wiring(), canaries)));
        }
        // Those that are out may be back; who asks them learns it first.
        seeds.addAll(map.nodes());
        seeds.forEach(retired::remove);
        return List.copyOf(seeds);
    }

    /** Asks all of them, waits for the first answer, and a little longer for the others. */
    private List<View> ask(List<Node> asked) {
        List<CompletableFuture<View>> answers = asked.stream().map(this::ask).toList();
        CompletableFuture<?> all = CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new));
        CompletableFuture<@Nullable View> first = new CompletableFuture<>();
        for (CompletableFuture<View> answer : answers) {
            CompletableFuture<Void> unused = answer.thenAccept(first::complete);
        }
        CompletableFuture<?> unused = all.whenComplete((none, failure) -> first.complete(null));
        await(first, patience(asked));
        await(all, STRAGGLERS_NANOS);
        List<View> views = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            try {
                answers.get(i).completeExceptionally(new TimeoutException("no answer in time"));
                views.add(answers.get(i).join());
            } catch (CompletionException e) {
                failures.add(errors.noView(asked.get(i), null, e.getCause() == null ? e : e.getCause()));
            }
        }
        return views;
    }

    private static void await(CompletableFuture<?> future, long nanos) {
        try {
            future.get(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException | TimeoutException | ExecutionException e) {
            // What is there by now is taken.
        }
    }

    private long patience(List<Node> asked) {
        return asked.stream().allMatch(node -> node.control().isOpen())
                ? VIEW_TIMEOUT_NANOS
                : Math.max(VIEW_TIMEOUT_NANOS, config.connectTimeout().toNanos());
    }

    private CompletableFuture<View> ask(Node node) {
        AsyncCommand<byte[], byte[], byte[]> members = Requests.CLUSTER_NODES.command();
        AsyncCommand<byte[], byte[], List<Object>> slots = Requests.CLUSTER_SLOTS.command();
        Link link = node.control();
        link.send(List.of(members, slots));
        return members.thenCombine(slots, (lines, ranges) -> View.parse(lines, ranges, node.address()))
                .exceptionally(failure -> {
                    throw errors.noView(node, link, failure);
                });
    }

    /** Closes nodes that belong to the cluster no more, once no call can be under way on them. */
    private void retire() {
        SlotMap present = map;
        if (present == SlotMap.UNKNOWN) {
            return;
        }
        Set<Node> members = Set.copyOf(present.nodes());
        long now = System.nanoTime();
        for (Node node : List.copyOf(nodes.values())) {
            if (members.contains(node)) {
                retired.remove(node);
            } else if (now - retired.computeIfAbsent(node, any -> now) > retireNanos) {
                nodes.remove(node.address(), node);
                retired.remove(node);
                CompletableFuture<Void> unused = node.close(new Doom(Doom.Kind.DISCARDED, null));
            }
        }
    }
}
