package dev.holdfast.cache.cluster;

import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.Invalidations;
import dev.holdfast.cache.redis.TrackingDialogue;
import dev.holdfast.cache.redis.UntrackedException;
import dev.holdfast.cache.spi.Guard;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has one master tell of changes, on a connection of its own. Asked whether it is there, it says what it knows of the cluster: an epoch that is another than
 * before tells that slots may have another owner, on whichever node that is heard first. Thread-safe.
 */
final class NodeTracking implements TrackingDialogue.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final Pattern EPOCHS =
            Pattern.compile("(?m)^(cluster_state|cluster_current_epoch|cluster_my_epoch):(\\w+)");
    private static final long REFUSED_PAUSE_NANOS = TimeUnit.MINUTES.toNanos(1);

    private final Node node;
    private final ClusterTracker owner;
    private final Invalidations invalidations;
    private final Backoff backoff = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));

    /** Held for moments. Guards what follows. */
    private final ReentrantLock lock = new ReentrantLock();

    private volatile boolean connecting;
    private volatile long notBefore = System.nanoTime();
    private @Nullable Connection present;
    private volatile @Nullable Guard guard;
    private volatile Set<ByteBuffer> covered = Set.of();
    private String epochs = "";

    /** One connection. */
    private record Connection(Wire wire, TrackingWire carrier, TrackingDialogue dialogue) {}

    NodeTracking(Node node, ClusterTracker owner, Invalidations invalidations) {
        this.node = node;
        this.owner = owner;
        this.invalidations = invalidations;
    }

    /** The guard of reads under a prefix at this node; {@code null} if nothing is told of them. */
    @Nullable
    Guard guard(ByteBuffer serverPrefix) {
        Guard now = guard;
        if (now != null && covered.contains(serverPrefix)) {
            return now;
        }
        if (!connecting) {
            connect();
        }
        return null;
    }

    /** Whether changes under a prefix are told of now. */
    boolean isCovered(ByteBuffer serverPrefix) {
        return guard != null && covered.contains(serverPrefix);
    }

    private void connect() {
        if (System.nanoTime() - notBefore < 0 || !owner.wants(node)) {
            return;
        }
        lock.lock();
        try {
            if (connecting) {
                return;
            }
            connecting = true;
        } finally {
            lock.unlock();
        }
        boolean begun = false;
        try {
            CompletableFuture<?> unused = node.trackingDials().dialAtOnce().whenComplete(this::dialled);
            begun = true;
        } finally {
            if (!begun) {
                connecting = false;
            }
        }
    }

    private void dialled(@Nullable Wire wire, @Nullable Throwable failure) {
        if (wire == null) {
            ended(failure == null ? new IOException("no connection") : failure);
            return;
        }
        try {
            carry(wire);
        } catch (Throwable e) {
            wire.reset(e);
            ended(e);
        }
    }

    private void carry(Wire wire) {
        TrackingWire carrier = new TrackingWire(wire, this::ended);
        TrackingDialogue dialogue = new TrackingDialogue(invalidations, carrier, this, "CLUSTER", "INFO");
        lock.lock();
        try {
            present = new Connection(wire, carrier, dialogue);
            covered = ConcurrentHashMap.newKeySet();
            epochs = "";
        } finally {
            lock.unlock();
        }
        carrier.begin(dialogue);
    }

    /** The connection has ended, or there is none. */
    private void ended(Throwable why) {
        if (why instanceof UntrackedException refusal) {
            owner.status().refused(node.toString(), refusal);
            notBefore = System.nanoTime() + REFUSED_PAUSE_NANOS;
        } else {
            backoff.failed(System.nanoTime());
            notBefore = System.nanoTime() + backoff.remaining(System.nanoTime()).toNanos();
        }
        LOG.debug("{} does not tell of changes at the moment", node, why);
        lock.lock();
        try {
            present = null;
            lost(why instanceof TimeoutException ? FlushReason.SILENCE : FlushReason.CONNECTION);
            connecting = false;
        } finally {
            lock.unlock();
        }
        if (owner.wants(node)) {
            node.trackingDials().later(this::connectAgain, Math.max(1, notBefore - System.nanoTime()));
        }
    }

    private void connectAgain() {
        if (!connecting) {
            connect();
        }
    }

    /** Under the lock. */
    private void lost(FlushReason reason) {
        Guard before = guard;
        guard = null;
        covered = Set.of();
        if (before != null) {
            before.end();
            owner.status().interrupted();
            invalidations.flush(reason);
        }
    }

    @Override
    public void covered(ByteBuffer serverPrefix) {
        lock.lock();
        try {
            if (present == null || epochs.isEmpty()) {
                return;
            }
            covered.add(serverPrefix);
            if (guard == null) {
                guard = new Guard();
                owner.status().told();
                backoff.succeeded();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void flushed() {
        renew(FlushReason.SERVER_FLUSHED);
    }

    /** Slots may have other owners: what was read before is of nobody knows whose. */
    void ownersChanged() {
        renew(FlushReason.OWNER);
    }

    private void renew(FlushReason reason) {
        lock.lock();
        try {
            Guard before = guard;
            if (before != null) {
                guard = new Guard();
                before.end();
                invalidations.flush(reason);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void beaten(String answer) {
        StringBuilder now = new StringBuilder();
        Matcher line = EPOCHS.matcher(answer);
        boolean whole = false;
        while (line.find()) {
            now.append(line.group()).append(' ');
            whole |= line.group().equals("cluster_state:ok");
        }
        String before = epochs;
        epochs = now.toString();
        boolean moved = !before.isEmpty() && !before.equals(epochs);
        if (moved) {
            owner.ownersChanged();
        }
        Connection connection = present;
        if (connection != null && (!whole || !owner.wants(node))) {
            connection
                    .carrier()
                    .end(new IOException(
                            whole ? "its changes are not wanted any more" : "the node says that the cluster is down"));
        }
    }

    /** Asks for one more prefix, if there is a connection. */
    void track(Invalidations.Tracked tracked) {
        Connection connection = present;
        if (connection != null) {
            connection.dialogue().track(tracked);
        }
    }

    void authenticate(Authentication words) {
        Connection connection = present;
        if (connection != null
                && !words.equals(connection.wire().words())
                && connection.dialogue().authenticate(words)) {
            connection.wire().words(words);
        }
    }

    void disconnect(Throwable why) {
        Connection connection = present;
        if (connection != null) {
            connection.carrier().end(why);
        }
    }
}
