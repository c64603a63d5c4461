package dev.holdfast.cache.cluster;

import dev.holdfast.cache.HealthState;
import dev.holdfast.cache.MemoryUse;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.PoolHealth;
import dev.holdfast.cache.internal.ServerMemory;
import dev.holdfast.cache.redis.Address;
import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** One server of the cluster: what it serves, whether it answers, and the connections to it. Thread-safe. */
final class Node {
    private final Address address;
    private final ClusterConfig config;
    private final Canaries canaries;
    private final InFlight inFlight = new InFlight();
    private final Prober prober;
    private final Pool pool;
    private final Dials trackingDials;
    private final ServerMemory memory = new ServerMemory();
    private volatile long outSince;
    private volatile @Nullable Throwable outage;
    private volatile @Nullable Throwable illness;
    private volatile boolean written;
    private volatile boolean doubted;
    private volatile boolean holdsWrites;
    private volatile Dialect dialect = Dialect.NODES;
    /** Done when its canary was compared, or is not waited for any more; {@code null} if it need not be. */
    private volatile @Nullable CompletableFuture<Void> comparison;

    private volatile Role role = new Role(false, new BitSet());

    Node(Address address, ClusterConfig config, Wiring wiring, Canaries canaries) {
        this.address = address;
        this.config = config;
        this.canaries = canaries;
        this.prober = new Prober(this, canaries, config);
        this.pool = new Pool(config, new Dials(address, config, wiring), prober::medianNanos);
        this.trackingDials = new Dials(address, config, wiring);
    }

    Address address() {
        return address;
    }

    InFlight inFlight() {
        return inFlight;
    }

    Pool pool() {
        return pool;
    }

    /** What opens the connection on which it tells of changes. */
    Dials trackingDials() {
        return trackingDials;
    }

    Prober prober() {
        return prober;
    }

    /** How it is asked what it sees of the cluster: as it last answered, unless it refused every way or was out since. */
    Dialect dialect() {
        return dialect;
    }

    void dialect(Dialect value) {
        dialect = value;
    }

    /** What it takes to read its replies. */
    Asked asked() {
        return new Asked(address, config.tls() != null, config::reached);
    }

    Role role() {
        return role;
    }

    void role(Role value) {
        if (value.master() && !role.master()) {
            promoted(value.slots());
        } else if (!value.master()) {
            compared();
        }
        role = value;
    }

    /** Notes that it has become, or is about to become, the master of these slots: it may lack the last words of the one before. */
    synchronized void promoted(BitSet slots) {
        if (canaries.isKnown(slots)) {
            prober.doubt();
            comparison = comparison == null ? new CompletableFuture<>() : comparison;
        }
    }

    /** Whether it is a new master whose canary is still to be compared with what the one before it had acknowledged. */
    boolean isUncompared() {
        return comparison != null;
    }

    /** Waits until its canary was compared, for so long at most. */
    void awaitComparison(long nanos) throws InterruptedException {
        CompletableFuture<Void> awaited = comparison;
        if (awaited != null) {
            try {
                awaited.get(nanos, TimeUnit.NANOSECONDS);
            } catch (TimeoutException | ExecutionException e) {
                // Whoever waits looks again.
            }
        }
    }

    /** Notes that its canary was compared, or can't be. */
    synchronized void compared() {
        CompletableFuture<Void> awaited = comparison;
        comparison = null;
        if (awaited != null) {
            awaited.complete(null);
        }
    }

    /** Why it gets no calls; {@code null} if it gets some. */
    @Nullable
    Throwable outage() {
        return outage;
    }

    /** When it was last taken out of service. */
    long outSince() {
        return outSince;
    }

    boolean isUp() {
        return outage == null;
    }

    /** Whether it is up and serves what it is asked, as far as is known. */
    boolean isFit() {
        return outage == null && illness == null;
    }

    /** Notes that it answers, but refuses calls for a state of its own: others are asked first until a probe is well. */
    void ill(Throwable why) {
        illness = why;
    }

    /** Takes it back into service, whatever it is ill with. */
    void up() {
        outage = null;
    }

    /** Notes that it answers, but does not serve yet. */
    void stillOut(@Nullable Throwable why) {
        outage = why == null ? outage : why;
    }

    void well() {
        outage = null;
        illness = null;
        doubted = false;
        holdsWrites = false;
    }

    /** Notes whether it answers, but not to writes. */
    void holdsWrites(boolean value) {
        holdsWrites = value;
    }

    /** Whether it answered its last probe, but not to writes: as a master does that hands over to its replica. */
    boolean holdsWrites() {
        return holdsWrites;
    }

    /** Takes it out of service: what is under way fails now, and what comes fails at once. */
    void out(Throwable why) {
        canaries.outages().out(role.slots());
        compared(); // before it comes back, as with any node that was out
        dialect = Dialect.NODES; // what comes back may be another process
        outSince = System.nanoTime();
        outage = why;
        reset(new CloseReason(CloseReason.Kind.OUT, why));
    }

    /** Notes that this client may have written something there. */
    void wrote() {
        if (!written) {
            written = true;
        }
    }

    /** Whether {@link #wrote} was called since {@link #takeWritten} was. */
    boolean isWritten() {
        return written;
    }

    /** Notes that a call went wrong in a way that may be its fault. */
    void doubt() {
        if (!doubted) {
            doubted = true;
        }
    }

    /** Whether a call went wrong since the last probe that was well. */
    boolean isDoubted() {
        return doubted;
    }

    /** Whether {@link #wrote} was called since this was last asked. */
    boolean takeWritten() {
        boolean was = written;
        written = false;
        return was;
    }

    /** Closes every connection by a TCP reset; what is under way on them fails, what comes opens others. */
    void reset(CloseReason why) {
        prober.doubt();
        pool.reset(why);
    }

    /** Closes it for good; done when that is done. */
    CompletableFuture<Void> close(CloseReason why) {
        return CompletableFuture.allOf(pool.close(why), trackingDials.close(why));
    }

    NodeHealth health() {
        return new NodeHealth(
                address.toString(),
                role.master() ? "master" : "replica",
                state(),
                prober.failures(),
                prober.lastCheck(),
                poolHealth(),
                role.slots().cardinality());
    }

    /** How much memory it takes, asked without waiting if that is due; {@code null} if that is not known. */
    @Nullable
    MemoryUse memory() {
        if (role.master() && isFit() && pool.isUsed() && memory.isDue()) {
            CompletableFuture<?> unused = pool.control()
                    .ask(Requests.INFO_MEMORY)
                    .whenComplete((said, failure) -> {
                        if (failure == null) {
                            memory.answered(said);
                        } else if (FailureKind.isNoPermission(failure)) {
                            memory.refused();
                        }
                    });
        }
        return memory.use();
    }

    /** Until it was probed only an open connection tells that it is there. */
    private HealthState state() {
        if (prober.lastCheck() == null
                && prober.failures() == 0
                && isUp()
                && poolHealth().total() == 0) {
            return HealthState.UNKNOWN;
        }
        boolean answers = prober.failures() < config.maxFailures() && (isUp() || prober.failures() == 0);
        return answers ? HealthState.UP : HealthState.DOWN;
    }

    private PoolHealth poolHealth() {
        return pool.health(inFlight.count());
    }

    @Override
    public String toString() {
        return address.toString();
    }

    /**
     * What the cluster says it is.
     *
     * @param master whether it is a master, with or without slots
     * @param slots those it serves; not changed after it is given here
     */
    record Role(boolean master, BitSet slots) {}
}
