package dev.holdfast.streams;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The signs of life: of what is being worked on, so that nobody takes it over, however long the work is, unless somebody has already; and of
 * this server, so that it is known while it has nothing to do. Now and then it removes consumers of dead workers too. Each partition has a thread
 * for it: one that waits for its Redis delays no other.
 */
final class Heartbeat implements SteadyThread.Turn, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
    private static final long LEAST_IDLE_MILLIS = 5_000;
    private static final int AT_ONCE = 500;

    private final Worker worker;
    private final List<Partition> partitions;
    // Handlers that compute without end would leave virtual ones no time.
    private final ThreadFactory threads = IsolatedThreads.platform("holdfast-requests-life");
    private final Map<Partition, Thread> beating = new ConcurrentHashMap<>();
    private final SteadyThread thread = new SteadyThread("holdfast-requests-beat", this, Heartbeat::failed);
    private long nextBeat = System.nanoTime();
    private long nextTidying = System.nanoTime();

    Heartbeat(Worker worker, List<Partition> partitions) {
        this.worker = worker;
        this.partitions = partitions;
    }

    private static void failed(Throwable e) {
        LOG.debug("no sign of life: {}", Trouble.shown(e));
    }

    /** Sees to it that it beats. */
    void ensure() {
        thread.ensure();
    }

    @Override
    public void take() {
        long left = nextBeat - System.nanoTime();
        if (left > 0) {
            LockSupport.parkNanos(this, left);
            return;
        }
        nextBeat = System.nanoTime() + worker.beat().toNanos();
        boolean tidying = nextTidying - System.nanoTime() <= 0;
        if (tidying) {
            nextTidying = System.nanoTime()
                    + Math.max(1_000, worker.config().claimIdle().toMillis()) * 1_000_000;
        }
        Map<Integer, List<Held>> entries = new HashMap<>();
        Map<Integer, List<Held>> leases = new HashMap<>();
        for (Held held : worker.atWork()) {
            add(entries, held.partition().number(), held);
            Held.Lease lease = held.lease();
            if (lease != null) {
                // Its key's, which is another than its entry's if somebody has misplaced the request.
                add(leases, worker.keys().partitionOf(lease.id()), held);
            }
        }
        for (Partition partition : partitions) {
            List<Held> here = entries.getOrDefault(partition.number(), List.of());
            List<Held> running = leases.getOrDefault(partition.number(), List.of());
            apart(partition, () -> beat(partition, here, running, tidying));
        }
    }

    private static void add(Map<Integer, List<Held>> all, int partition, Held held) {
        all.computeIfAbsent(partition, number -> new ArrayList<>()).add(held);
    }

    /** Does it on a thread of its own, unless that of the last beat waits for Redis still. */
    private void apart(Partition partition, Runnable beat) {
        Thread last = beating.get(partition);
        if (last != null && last.isAlive()) {
            return;
        }
        try {
            Thread thread = threads.newThread(beat);
            thread.start();
            beating.put(partition, thread);
        } catch (OutOfMemoryError e) {
            // There is no thread to be had.
            beat.run();
        }
    }

    private void beat(Partition partition, List<Held> entries, List<Held> running, boolean tidying) {
        try {
            inBatches(entries, batch -> claim(partition, batch));
            inBatches(running, this::keep);
            partition.touch(worker.redis());
        } catch (RuntimeException e) {
            LOG.debug("no sign of life at {}: {}", partition, Trouble.shown(e));
            return;
        }
        if (tidying) {
            removeConsumers(
                    partition,
                    "",
                    Math.max(LEAST_IDLE_MILLIS, 5 * worker.config().claimIdle().toMillis()));
        }
    }

    private static void inBatches(List<Held> all, Consumer<List<Held>> beat) {
        for (int from = 0; from < all.size(); from += AT_ONCE) {
            beat.accept(all.subList(from, Math.min(from + AT_ONCE, all.size())));
        }
    }

    private void claim(Partition partition, List<Held> entries) {
        List<Object> claim = new ArrayList<>(List.of(Keys.GROUP, worker.consumer(), ""));
        entries.forEach(each -> claim.add(each.entryId()));
        var unused = call(Script.CLAIM.on(partition.stream(), claim.toArray()));
    }

    /** Keeps the leases of what is run. One that Redis knows nothing of is made again only if its run goes on still: it may have ended since it was looked at. */
    private void keep(List<Held> running) {
        List<Held> unknown = keep(running, false);
        if (!unknown.isEmpty()) {
            var unused = keep(unknown, true);
        }
    }

    private List<Held> keep(List<Held> running, boolean known) {
        List<Held> still = new ArrayList<>();
        List<Held.Lease> leases = new ArrayList<>();
        for (Held each : running) {
            Held.Lease lease = each.lease();
            if (lease != null) {
                still.add(each);
                leases.add(lease);
            }
        }
        if (still.isEmpty()) {
            return List.of();
        }
        List<byte[]> keys = new ArrayList<>();
        leases.forEach(lease -> keys.add(worker.keys().done(lease.id())));
        leases.forEach(lease -> keys.add(worker.keys().tries(lease.id())));
        List<Object> keep = new ArrayList<>(List.of(
                worker.config().claimIdle().toMillis(), worker.triesCounted().toMillis(), known ? 1 : 0));
        leases.forEach(lease -> keep.add(lease.owner()));
        Object reply = call(Script.KEEP.onAll(keys, keep.toArray()));
        return reply == null
                ? List.of()
                : StreamReply.list(reply).stream()
                        .map(number -> still.get((int) StreamReply.number(number) - 1))
                        .toList();
    }

    /** One that is refused harms none of the others; its reply is {@code null}. */
    private @Nullable Object call(Command command) {
        try {
            return worker.redis().call(command);
        } catch (RuntimeException e) {
            if (!Trouble.isRefusal(e)) {
                throw e;
            }
            LOG.debug("a sign of life is refused: {}", Trouble.shown(e));
            return null;
        }
    }

    /** Removes this server's consumers, unless something is pending there: that is for others to take over. */
    void leave() {
        for (Partition partition : partitions) {
            if (worker.sick().isWell(partition.number())) {
                removeConsumers(partition, worker.consumer(), Long.MAX_VALUE >> 11);
            }
        }
    }

    private void removeConsumers(Partition partition, String name, long idleMillis) {
        try {
            var unused =
                    worker.redis().call(Script.REMOVE_CONSUMERS.on(partition.stream(), Keys.GROUP, name, idleMillis));
        } catch (RuntimeException e) {
            LOG.debug("consumers of {} are not tidied: {}", partition, Trouble.shown(e));
        }
    }

    /** Ends the beat; returns when it has ended, or after so long. */
    void stop(long atMostMillis) throws InterruptedException {
        long end = System.nanoTime() + atMostMillis * 1_000_000;
        thread.close();
        thread.join(atMostMillis);
        for (Thread each : beating.values()) {
            each.join(Math.max(1, (end - System.nanoTime()) / 1_000_000));
        }
    }

    @Override
    public void close() {
        thread.close();
    }
}
