package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Login;
import dev.holdfast.cache.redis.Rotation;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Knows the nodes and who serves which slot. A thread of its own asks for it: at first, at an interval, and soon after anything that
 * hints at a change. While slots are not served it asks one node twice a second whether anything has changed, and looks further
 * only then. Altogether it asks two questions a second at most, on average. The configured nodes are asked first, and again when those
 * that are known don't answer at once.
 */
final class Topology implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final int VIEWS = 2;
    private static final long SHORTEST_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long AMISS_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(500);
    /** So often that all slots are served again is followed at once, whatever was asked before. */
    private static final long RECOVERED_GAP_NANOS = TimeUnit.SECONDS.toNanos(10);

    private static final long FAILED_GAP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long VIEW_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** So long the known nodes may take before the configured ones are asked as well. */
    private static final long BESIDE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final ClusterConfig config;
    private final LettuceErrors errors;
    private final Nodes nodes;
    private final ReentrantLock lock = new ReentrantLock();

    /** What went wrong in the present round; of the thread that asks. */
    private final List<CacheUnavailableException> failures = new ArrayList<>();

    private final Allowance allowance = new Allowance(System.nanoTime());
    private long refreshNanos;
    private boolean withEndpoints = true;
    private boolean wantedBefore;
    private String fingerprint = "";
    private long epoch;

    /** Whether a node has just said that all slots are served again, and when that was last followed at once; of the thread that asks. */
    private boolean recovered;

    private long recoveredAt = System.nanoTime() - RECOVERED_GAP_NANOS;
    private volatile long freshSince = System.nanoTime();

    private final Rotation rotation;
    private volatile SlotMap map = SlotMap.UNKNOWN;
    private volatile @Nullable ClusterTracker tracker;
    private volatile Cut cut = new Cut(null);
    private volatile long askedSince = System.nanoTime();
    private volatile boolean wanted = true;
    private volatile boolean urgent = true;
    private volatile boolean closed;
    private volatile @Nullable Thread thread;

    /** Completed by the next round; guarded by the lock, like what writes {@link #map}. */
    private CompletableFuture<SlotMap> round = new CompletableFuture<>();

    /** Completed at the end of the next round that begins; guarded by the lock. */
    private CompletableFuture<SlotMap> fresh = new CompletableFuture<>();

    private long lastRoundEnd = System.nanoTime();
    private @Nullable CacheUnavailableException lastFailure;

    Topology(ClusterConfig config, LettuceErrors errors) {
        this.config = config;
        this.errors = errors;
        Login login = new Login(config.access());
        this.nodes = new Nodes(config, errors, login);
        this.rotation = new Rotation(login, this::authenticate, "holdfast-cluster-credentials");
    }

    SlotMap map() {
        return map;
    }

    /** Sets who is told of another topology, and logs its connections in anew. */
    void tracker(ClusterTracker value) {
        tracker = value;
    }

    /** Makes it known; under the lock. */
    private void become(SlotMap next) {
        boolean other = !next.signature().equals(map.signature());
        map = next;
        ClusterTracker told = tracker;
        if (other && told != null) {
            told.mapChanged();
        }
    }

    private void authenticate(Authentication words) {
        ClusterTracker tracking = tracker;
        if (tracking != null) {
            tracking.authenticate(words);
        }
        nodes.authenticate(words);
    }

    /** All nodes that are in use: those of the cluster, and the configured ones while they are needed. */
    Collection<Node> nodes() {
        return nodes.all();
    }

    /** The node that announces itself like this; {@code null} if it is one of too many that nobody else knows. */
    @Nullable
    Node named(Address announced) {
        return nodes.named(announced, map.nodes().size());
    }

    /** Whether a node belongs to the cluster, by what was last heard. */
    boolean isMember(Node node) {
        return map.nodes().contains(node);
    }

    Outages outages() {
        return nodes.outages();
    }

    /** Asks for the topology soon; cheap, and for any thread. */
    void refreshSoon() {
        if (!wanted) {
            wanted = true;
            LockSupport.unpark(thread);
        }
    }

    /** Somebody waits for it. */
    private void refreshNow() {
        urgent = true;
        wanted = true;
        LockSupport.unpark(thread);
    }

    /** Notes that a node said where a slot is. */
    void moved(int slot, Node master) {
        lock.lock();
        try {
            SlotMap.Shard before = map.shard(slot);
            if (before != null && !master.role().master()) {
                BitSet slots = before.master().role().slots();
                if (before.replicas().contains(master)) {
                    // A replica has all of its master's slots or none.
                    master.role(new Node.Role(true, slots));
                } else {
                    master.promoted(slots);
                }
            }
            become(map.withMoved(slot, master));
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
     * As {@link #known}, for a probe. That nobody has answered yet is no evidence while nobody has failed and the first connections may
     * still be under way: that takes several round trips, or longer where this process has little time to run.
     */
    SlotMap knownToProbe(long until) {
        try {
            return known(until);
        } catch (CacheTimeoutException e) {
            throw isFirstContact() ? errors.firstContact(e) : e;
        }
    }

    private boolean isFirstContact() {
        lock.lock();
        try {
            return map == SlotMap.UNKNOWN
                    && lastFailure == null
                    && System.nanoTime() - askedSince < config.connectTimeout().toNanos() + VIEW_TIMEOUT_NANOS;
        } finally {
            lock.unlock();
        }
    }

    /** Makes known what nodes said. */
    SlotMap publish(List<View> views) {
        SlotMap merged = SlotMap.merge(views, nodes::node);
        lock.lock();
        try {
            become(merged);
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
            if (lastFailure != null && System.nanoTime() - lastRoundEnd < FAILED_GAP_NANOS) {
                throw errors.again(lastFailure);
            }
            next = round;
        } finally {
            lock.unlock();
        }
        refreshNow();
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
        refreshNow();
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

    /** The last time that everything was disconnected. */
    Cut cut() {
        return cut;
    }

    /** Ends what is under way: notes it, fails those who wait for the topology, and closes every connection. */
    void disconnect(Throwable cause) {
        cut = new Cut(cause);
        failWaiting(errors.disconnected(cause, false));
        nodes.all().forEach(node -> node.reset(new CloseReason(CloseReason.Kind.DISCONNECTED, cause)));
    }

    private void failWaiting(CacheUnavailableException failure) {
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
    void close(CloseReason why) {
        closed = true;
        Thread running = thread;
        if (running != null) {
            LockSupport.unpark(running);
        }
        rotation.close();
        cut = new Cut(why.cause());
        failWaiting(errors.disconnected(why.cause(), false));
        nodes.closeAll(why);
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        askedSince = System.nanoTime();
        while (!closed) {
            try {
                look();
                while (!closed && !pause()) {
                    peek();
                }
            } catch (Throwable e) {
                // Whatever it was: nobody else asks.
                failed(e);
            }
        }
        // Whatever was begun while it was being closed.
        nodes.closeAll(new CloseReason(CloseReason.Kind.DISCARDED, null));
    }

    private void look() {
        long began = System.nanoTime();
        CompletableFuture<SlotMap> awaited = begin();
        try {
            nodes.start();
            rotation.start();
            round(gather());
        } finally {
            freshSince = began;
            awaited.complete(map);
        }
        SlotMap known = map;
        if (known != SlotMap.UNKNOWN) {
            nodes.retire(Set.copyOf(known.nodes()));
        }
    }

    private void failed(Throwable e) {
        try {
            failures.add(errors.broken(e));
            round(List.of());
            LOG.warn("Redis cluster {}: asking for the topology went wrong", config.nodes(), e);
        } catch (Throwable alsoThis) {
            // Not even memory to say so.
        }
        LockSupport.parkNanos(this, FAILED_GAP_NANOS);
    }

    /** Asks one node whether anything has changed; if so, the next round begins at once. */
    private void peek() {
        List<Node> fit = fitNodes();
        if (fit.isEmpty()) {
            wanted = true;
            return;
        }
        String now = Inquiry.fingerprint(fit.get(0), VIEW_TIMEOUT_NANOS);
        allowance.spend(1, System.nanoTime());
        if (Inquiry.REFUSED.equals(now)) {
            wanted = true;
        } else if (now == null) {
            // Until a probe says otherwise.
            fit.get(0).ill(new TimeoutException("no answer to a question"));
            wanted = true;
        } else if (fingerprint.isEmpty() && now.contains("cluster_current_epoch:" + epoch + ' ')) {
            // Nothing since the round that the map is of.
            fingerprint = now;
        } else if (!now.equals(fingerprint)) {
            recovered = Inquiry.isWhole(now) && !fingerprint.isEmpty() && !Inquiry.isWhole(fingerprint);
            fingerprint = now;
            wanted = true;
            urgent = true;
        }
    }

    /** Returns what those wait for who came before this round. */
    private CompletableFuture<SlotMap> begin() {
        lock.lock();
        try {
            wantedBefore = wanted;
            if (recovered) {
                recovered = false;
                recoveredAt = System.nanoTime();
            }
            wanted = false;
            urgent = false;
            CompletableFuture<SlotMap> awaited = fresh;
            fresh = new CompletableFuture<>();
            return awaited;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until something is to be asked; returns whether it is the whole topology. */
    private boolean pause() {
        long end = System.nanoTime();
        while (!closed) {
            long now = System.nanoTime();
            long amissGap = amissGap();
            long untilAsked = wanted ? untilAsked(now) : Long.MAX_VALUE;
            long untilPeek = Math.max(end + amissGap, lastRoundEnd) - now;
            long untilRefresh = lastRoundEnd + refreshNanos - now;
            if (untilAsked <= 0 || untilRefresh <= 0) {
                return true;
            }
            if (amissGap > 0 && untilPeek <= 0) {
                return false;
            }
            long left = Math.min(untilAsked, untilRefresh);
            LockSupport.parkNanos(this, amissGap > 0 ? Math.min(left, untilPeek) : left);
        }
        return false;
    }

    private long untilAsked(long now) {
        long gap = lastRoundEnd + SHORTEST_GAP_NANOS - now;
        if (recovered && now - recoveredAt > RECOVERED_GAP_NANOS) {
            return gap; // whoever waits for slots has waited long enough
        }
        if (!urgent) {
            return Math.max(gap, allowance.waitNanos(now));
        }
        // Whoever has never been told anything asks as often as he can.
        return map == SlotMap.UNKNOWN ? gap : Math.max(gap, allowance.waitUrgentNanos(now));
    }

    /** While slots are not served somebody may be about to take them over. 0 if all are served. */
    private long amissGap() {
        return map == SlotMap.UNKNOWN || map.served() == Slots.COUNT ? 0 : AMISS_GAP_NANOS;
    }

    private void round(List<View> views) {
        SlotMap merged = views.isEmpty() ? null : SlotMap.merge(views, nodes::node);
        CompletableFuture<SlotMap> ended;
        lock.lock();
        try {
            ended = round;
            round = new CompletableFuture<>();
            lastRoundEnd = System.nanoTime();
            long refresh = config.topologyRefresh().toNanos();
            refreshNanos = refresh * 3 / 4 + ThreadLocalRandom.current().nextLong(refresh / 2 + 1);
            if (merged != null) {
                become(merged);
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
        Inquiry inquiry = new Inquiry(errors, withEndpoints);
        List<Node> known = fitNodes();
        // One is enough where nothing hints at a change.
        int most = wantedBefore ? VIEWS : 1;
        inquiry.ask(known.subList(0, Math.min(most, known.size())));
        boolean answered = !known.isEmpty() && inquiry.awaitFirst(BESIDE_NANOS);
        if (!answered) {
            inquiry.ask(known.subList(0, Math.min(2 * VIEWS, known.size())));
            inquiry.ask(nodes.seeds(map.nodes()));
            inquiry.awaitFirst(
                    Math.max(VIEW_TIMEOUT_NANOS, config.connectTimeout().toNanos()));
        }
        List<View> views = inquiry.views(failures);
        allowance.spend(inquiry.questions(), System.nanoTime());
        if (!views.isEmpty()) {
            withEndpoints = views.stream().anyMatch(View::hasOtherEndpoints);
            epoch = views.stream()
                    .flatMap(view -> view.members().stream())
                    .mapToLong(View.Member::epoch)
                    .max()
                    .orElse(0);
        }
        return views;
    }

    private List<Node> fitNodes() {
        List<Node> known = new ArrayList<>(map.nodes());
        known.removeIf(node -> !node.isFit());
        Collections.shuffle(known);
        return known;
    }
}
